package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the decoder of a sentencepiece-style vocabulary: Metaspace, or a sequence of Replace,
 * ByteFallback, Fuse and Strip in this order, each of which may be absent.
 */
final class DecoderSequence {
  private static final List<String> ORDER =
      List.of("Replace", "Metaspace", "ByteFallback", "Fuse", "Strip");

  private String wordStart;
  private boolean byteFallback;
  private boolean fused;
  private TokenDecoder.LeadingSpace leadingSpace = TokenDecoder.LeadingSpace.KEEP;

  private DecoderSequence() {}

  static TokenDecoder.Rules read(JsonNode node, String usualWordStart) {
    List<JsonNode> stages = new ArrayList<>();
    if (JsonNodes.text(node, "type", "decoder").equals("Sequence")) {
      JsonNodes.array(node, "decoders", "decoder").forEach(stages::add);
    } else {
      stages.add(node);
    }
    DecoderSequence sequence = new DecoderSequence();
    int last = -1;
    for (JsonNode stage : stages) {
      int place = ORDER.indexOf(JsonNodes.text(stage, "type", "decoder"));
      if (place < 0) {
        throw JsonNodes.unsupportedType("decoder", stage, ORDER);
      }
      if (place <= last) {
        throw new IllegalArgumentException(
            "decoder: supported in the order " + ORDER + " only, found " + JsonNodes.shown(node));
      }
      last = place;
      sequence.add(stage, usualWordStart);
    }
    return new TokenDecoder.Rules(
        false, sequence.wordStart, sequence.byteFallback, sequence.leadingSpace);
  }

  private void add(JsonNode stage, String usualWordStart) {
    switch (stage.path("type").asText()) {
      case "Replace" -> {
        wordStart = JsonNodes.text(stage.path("pattern"), "String", "decoder Replace");
        require(stage.path("content").asText().equals(" "), stage);
      }
      case "Metaspace" -> {
        require(wordStart == null, stage);
        wordStart = stage.path("replacement").asText(usualWordStart);
        boolean prefixed =
            stage.has("prepend_scheme")
                ? !stage.path("prepend_scheme").asText().equals("never")
                : stage.path("add_prefix_space").asBoolean(true);
        if (prefixed) {
          leadingSpace = TokenDecoder.LeadingSpace.DROP_IN_FIRST_TOKEN;
        }
      }
      case "ByteFallback" -> byteFallback = true;
      case "Fuse" -> fused = true;
      default -> {
        boolean oneSpace =
            stage.path("content").asText().equals(" ")
                && stage.path("start").asInt(-1) == 1
                && stage.path("stop").asInt(-1) == 0;
        require(fused && oneSpace && leadingSpace == TokenDecoder.LeadingSpace.KEEP, stage);
        leadingSpace = TokenDecoder.LeadingSpace.STRIP_ONE;
      }
    }
  }

  private static void require(boolean supported, JsonNode stage) {
    if (!supported) {
      throw new IllegalArgumentException(
          "decoder: not supported as found: "
              + JsonNodes.shown(stage)
              + " (supported: Replace by one space, Strip of one leading space after Fuse)");
    }
  }
}
