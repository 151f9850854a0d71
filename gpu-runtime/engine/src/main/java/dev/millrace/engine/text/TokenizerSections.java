package dev.millrace.engine.text;

import static dev.millrace.engine.text.JsonNodes.flag;
import static dev.millrace.engine.text.JsonNodes.requireKnownFields;
import static dev.millrace.engine.text.JsonNodes.text;
import static dev.millrace.engine.text.JsonNodes.unsupportedType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.millrace.engine.text.bpe.BytePairSettings;
import dev.millrace.engine.text.split.PreTokenizer;
import dev.millrace.engine.text.split.PreTokenizers;
import dev.millrace.engine.text.split.SplitBehavior;
import dev.millrace.engine.text.split.SplitPattern;
import dev.millrace.engine.text.split.TextNormalizer;
import dev.millrace.engine.text.split.TextNormalizers;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The small sections of {@code tokenizer.json}, each turned into what carries it out. */
final class TokenizerSections {
  static final Set<String> KNOWN =
      Set.of(
          "version",
          "truncation",
          "padding",
          "added_tokens",
          "normalizer",
          "pre_tokenizer",
          "post_processor",
          "decoder");

  private static final String WORD_START = "\u2581";

  private final Map<String, JsonNode> fields;

  TokenizerSections(Map<String, JsonNode> fields) {
    this.fields = fields;
  }

  private JsonNode field(String name) {
    return fields.getOrDefault(name, MissingNode.getInstance());
  }

  private static boolean isAbsent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  // ------------------------------------------------------------------------------------ model

  static BytePairSettings modelSettings(Map<String, JsonNode> model, boolean byteLevel) {
    JsonNode node = new com.fasterxml.jackson.databind.ObjectMapper().valueToTree(model);
    requireKnownFields(
        node,
        "model",
        "type",
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "fuse_unk",
        "byte_fallback",
        "ignore_merges");
    if (!node.path("type").asText("BPE").equals("BPE")) {
      throw unsupportedType("model", node, List.of("BPE"));
    }
    if (node.path("dropout").asDouble(0) != 0) {
      throw new IllegalArgumentException(
          "model.dropout: expected none, found " + node.path("dropout"));
    }
    for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
      if (!node.path(affix).asText("").isEmpty() && !node.path(affix).isNull()) {
        throw new IllegalArgumentException(
            "model." + affix + ": expected none, found " + node.path(affix));
      }
    }
    String unknown = isAbsent(node.path("unk_token")) ? null : text(node, "unk_token", "model");
    return new BytePairSettings(
        byteLevel,
        flag(node, "byte_fallback", false, "model"),
        unknown,
        flag(node, "fuse_unk", false, "model"),
        flag(node, "ignore_merges", false, "model"));
  }

  // ------------------------------------------------------------------------------- normaliser

  TextNormalizer normalizer() {
    return isAbsent(field("normalizer")) ? text -> text : normalizer(field("normalizer"));
  }

  private static TextNormalizer normalizer(JsonNode node) {
    String type = text(node, "type", "normalizer");
    switch (type) {
      case "NFC", "NFD", "NFKC", "NFKD":
        requireKnownFields(node, "normalizer " + type, "type");
        return TextNormalizers.unicode(Normalizer.Form.valueOf(type));
      case "Lowercase":
        requireKnownFields(node, "normalizer Lowercase", "type");
        return TextNormalizers.lowercase();
      case "Prepend":
        requireKnownFields(node, "normalizer Prepend", "type", "prepend");
        return TextNormalizers.prepend(text(node, "prepend", "normalizer Prepend"));
      case "Replace":
        requireKnownFields(node, "normalizer Replace", "type", "pattern", "content");
        return TextNormalizers.replace(
            pattern(node.path("pattern"), "normalizer Replace"),
            text(node, "content", "normalizer Replace"));
      case "Sequence":
        TextNormalizer all = text -> text;
        for (JsonNode one : JsonNodes.array(node, "normalizers", "normalizer")) {
          all = all.then(normalizer(one));
        }
        return all;
      default:
        throw unsupportedType(
            "normalizer",
            node,
            List.of("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Prepend", "Replace", "Sequence"));
    }
  }

  private static SplitPattern pattern(JsonNode node, String where) {
    if (node.path("Regex").isTextual()) {
      return SplitPattern.compile(node.path("Regex").textValue());
    }
    if (node.path("String").isTextual()) {
      return SplitPattern.literal(node.path("String").textValue());
    }
    throw new IllegalArgumentException(
        where + ": expected a pattern (Regex or String), found " + JsonNodes.shown(node));
  }

  // ---------------------------------------------------------------------------- pre-tokenizer

  /** Whether words are handed to the model as bytes. */
  boolean isByteLevel() {
    List<JsonNode> stages = preTokenizerStages();
    for (int i = 0; i < stages.size(); i++) {
      String type = stages.get(i).path("type").asText("");
      if (type.equals("ByteLevel") && i != stages.size() - 1) {
        throw new IllegalArgumentException(
            "pre_tokenizer: ByteLevel is supported as the last one only");
      }
      if (type.equals("Metaspace") && i != 0) {
        throw new IllegalArgumentException(
            "pre_tokenizer: Metaspace is supported as the first one only");
      }
    }
    return !stages.isEmpty()
        && stages.get(stages.size() - 1).path("type").asText("").equals("ByteLevel");
  }

  private List<JsonNode> preTokenizerStages() {
    JsonNode node = field("pre_tokenizer");
    List<JsonNode> stages = new ArrayList<>();
    if (!isAbsent(node)) {
      flatten(node, stages);
    }
    return stages;
  }

  private static void flatten(JsonNode node, List<JsonNode> stages) {
    if (!text(node, "type", "pre_tokenizer").equals("Sequence")) {
      stages.add(node);
      return;
    }
    for (JsonNode one : JsonNodes.array(node, "pretokenizers", "pre_tokenizer")) {
      flatten(one, stages);
    }
  }

  PreTokenizer preTokenizer() {
    PreTokenizer all = null;
    for (JsonNode stage : preTokenizerStages()) {
      PreTokenizer next = preTokenizer(stage);
      all = all == null ? next : all.then(next);
    }
    return all == null ? PreTokenizers.none() : all;
  }

  private static PreTokenizer preTokenizer(JsonNode node) {
    String type = text(node, "type", "pre_tokenizer");
    String where = "pre_tokenizer " + type;
    switch (type) {
      case "ByteLevel":
        requireKnownFields(node, where, "type", "add_prefix_space", "trim_offsets", "use_regex");
        return PreTokenizers.byteLevel(
            flag(node, "add_prefix_space", true, where), flag(node, "use_regex", true, where));
      case "Digits":
        requireKnownFields(node, where, "type", "individual_digits");
        return PreTokenizers.digits(flag(node, "individual_digits", false, where));
      case "Split":
        requireKnownFields(node, where, "type", "pattern", "behavior", "invert");
        return PreTokenizers.split(
            pattern(node.path("pattern"), where),
            behavior(text(node, "behavior", where)),
            flag(node, "invert", false, where));
      case "Metaspace":
        return metaspace(node);
      default:
        throw unsupportedType(
            "pre_tokenizer",
            node,
            List.of("ByteLevel", "Digits", "Split", "Metaspace", "Sequence"));
    }
  }

  private static SplitBehavior behavior(String name) {
    return switch (name) {
      case "Removed" -> SplitBehavior.REMOVED;
      case "Isolated" -> SplitBehavior.ISOLATED;
      case "MergedWithPrevious" -> SplitBehavior.MERGED_WITH_PREVIOUS;
      case "MergedWithNext" -> SplitBehavior.MERGED_WITH_NEXT;
      case "Contiguous" -> SplitBehavior.CONTIGUOUS;
      default ->
          throw new IllegalArgumentException(
              "pre_tokenizer Split: the behavior '" + name + "' is not supported");
    };
  }

  private static PreTokenizer metaspace(JsonNode node) {
    String where = "pre_tokenizer Metaspace";
    requireKnownFields(
        node,
        where,
        "type",
        "replacement",
        "str_rep",
        "prepend_scheme",
        "add_prefix_space",
        "split");
    String replacement = text(node, "replacement", where);
    if (replacement.length() != 1) {
      throw new IllegalArgumentException(
          where + ": expected one character as replacement, found '" + replacement + "'");
    }
    return PreTokenizers.metaspace(
        replacement.charAt(0), prependScheme(node, where), flag(node, "split", true, where));
  }

  private static PreTokenizers.PrependScheme prependScheme(JsonNode node, String where) {
    if (node.path("prepend_scheme").isMissingNode()) {
      return flag(node, "add_prefix_space", true, where)
          ? PreTokenizers.PrependScheme.ALWAYS
          : PreTokenizers.PrependScheme.NEVER;
    }
    String scheme = text(node, "prepend_scheme", where);
    return switch (scheme) {
      case "always" -> PreTokenizers.PrependScheme.ALWAYS;
      case "first" -> PreTokenizers.PrependScheme.FIRST;
      case "never" -> PreTokenizers.PrependScheme.NEVER;
      default ->
          throw new IllegalArgumentException(
              where + ": the prepend_scheme '" + scheme + "' is not supported");
    };
  }

  // ---------------------------------------------------------------------------------- decoder

  TokenDecoder.Rules decoderRules() {
    JsonNode node = field("decoder");
    String type = isAbsent(node) ? "" : text(node, "type", "decoder");
    boolean byteLevel = isByteLevel();
    if (type.equals("ByteLevel") && byteLevel) {
      return new TokenDecoder.Rules(true, null, false, TokenDecoder.LeadingSpace.KEEP);
    }
    if (type.equals("ByteLevel") || byteLevel || type.isEmpty()) {
      throw new IllegalArgumentException(
          "decoder: expected ByteLevel if the pre_tokenizer ends in ByteLevel, Metaspace or a"
              + " Sequence if not; found "
              + JsonNodes.shown(node));
    }
    return DecoderSequence.read(node, WORD_START);
  }
}
