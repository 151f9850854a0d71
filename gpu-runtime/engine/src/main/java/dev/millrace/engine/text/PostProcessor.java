package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The ids a model wants around every text.
 *
 * @param prefix in front
 * @param suffix after
 */
@SuppressWarnings("ArrayRecordComponent") // handed on to one constructor
record PostProcessor(int[] prefix, int[] suffix) {
  private static final List<String> SUPPORTED =
      List.of("ByteLevel", "TemplateProcessing", "Sequence");
  private static final PostProcessor NOTHING = new PostProcessor(new int[0], new int[0]);

  static PostProcessor read(JsonNode node, TokenTable tokens) {
    if (node.isMissingNode() || node.isNull()) {
      return NOTHING;
    }
    String type = JsonNodes.text(node, "type", "post_processor");
    switch (type) {
      case "ByteLevel":
        return NOTHING; // moves offsets only
      case "TemplateProcessing":
        return template(node, tokens);
      case "Sequence":
        return sequence(node, tokens);
      default:
        throw JsonNodes.unsupportedType("post_processor", node, SUPPORTED);
    }
  }

  private static PostProcessor sequence(JsonNode node, TokenTable tokens) {
    PostProcessor all = NOTHING;
    for (JsonNode one : JsonNodes.array(node, "processors", "post_processor")) {
      PostProcessor next = read(one, tokens);
      all = new PostProcessor(joined(next.prefix, all.prefix), joined(all.suffix, next.suffix));
    }
    return all;
  }

  private static PostProcessor template(JsonNode node, TokenTable tokens) {
    List<Integer> prefix = new ArrayList<>();
    List<Integer> suffix = new ArrayList<>();
    boolean seenText = false;
    for (JsonNode part : JsonNodes.array(node, "single", "post_processor")) {
      if (part.path("Sequence").path("id").asText("").equals("A") && !seenText) {
        seenText = true;
      } else if (part.has("SpecialToken")) {
        String name = JsonNodes.text(part.path("SpecialToken"), "id", "post_processor.single");
        addIds(node.path("special_tokens").path(name), name, tokens, seenText ? suffix : prefix);
      } else {
        throw new IllegalArgumentException(
            "post_processor.single: expected special tokens around one sequence A, found "
                + JsonNodes.shown(part));
      }
    }
    if (!seenText) {
      throw new IllegalArgumentException("post_processor.single: the sequence A is missing");
    }
    return new PostProcessor(toArray(prefix), toArray(suffix));
  }

  private static void addIds(JsonNode special, String name, TokenTable tokens, List<Integer> out) {
    for (JsonNode id : JsonNodes.array(special, "ids", "post_processor.special_tokens." + name)) {
      if (!id.canConvertToInt() || tokens.token(id.intValue()) == null) {
        throw new IllegalArgumentException(
            "post_processor.special_tokens."
                + name
                + ": expected the id of a token, found "
                + JsonNodes.shown(id));
      }
      out.add(id.intValue());
    }
  }

  /** What {@code add_bos_token} and {@code add_eos_token} of the config say overrides the file. */
  PostProcessor with(TokenizerConfig config, TokenTable tokens) {
    return new PostProcessor(
        overridden(prefix, config.addBosToken(), "add_bos_token", config.bosToken(), tokens),
        overridden(suffix, config.addEosToken(), "add_eos_token", config.eosToken(), tokens));
  }

  private static int[] overridden(
      int[] found, Boolean wanted, String field, String token, TokenTable tokens) {
    if (wanted == null || wanted == found.length > 0) {
      return found;
    }
    if (!wanted) {
      return new int[0];
    }
    int id = token == null ? -1 : tokens.id(token);
    if (id < 0) {
      throw new IllegalArgumentException(
          "tokenizer_config.json sets "
              + field
              + ", but its token "
              + (token == null ? "is not named" : "'" + token + "' is not in the vocabulary"));
    }
    return new int[] {id};
  }

  private static int[] joined(int[] first, int[] second) {
    int[] all = java.util.Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }

  private static int[] toArray(List<Integer> ids) {
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }
}
