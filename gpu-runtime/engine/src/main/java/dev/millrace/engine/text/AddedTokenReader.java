package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.engine.text.bpe.Vocabulary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Gathers the added tokens of {@code tokenizer.json} and what its config file adds to them. */
final class AddedTokenReader {
  private static final int ID_MAX = 10_000_000;

  private AddedTokenReader() {}

  static List<AddedToken> read(JsonNode node, TokenizerConfig config, Vocabulary vocabulary) {
    Map<String, AddedToken> tokens = new LinkedHashMap<>();
    if (!node.isMissingNode() && !node.isNull()) {
      if (!node.isArray()) {
        throw new IllegalArgumentException(
            "added_tokens: expected an array, found " + JsonNodes.shown(node));
      }
      for (JsonNode token : node) {
        add(tokens, token(token, token.path("id")));
      }
    }
    for (AddedToken token : config.addedTokens()) {
      if (!tokens.containsKey(token.content())) {
        add(tokens, token);
      }
    }
    for (String content : config.specialTokens()) {
      // A special token that is a plain entry of the vocabulary; one that is nowhere has no id.
      int id = vocabulary.id(content);
      if (!tokens.containsKey(content) && id >= 0) {
        add(tokens, new AddedToken(id, content, true, false, false, false, false));
      }
    }
    checkIds(tokens, vocabulary);
    return new ArrayList<>(tokens.values());
  }

  /**
   * One entry of {@code added_tokens}, or of {@code added_tokens_decoder} with its id as the key.
   */
  static AddedToken token(JsonNode node, JsonNode idNode) {
    JsonNodes.requireKnownFields(
        node,
        "added token",
        "id",
        "content",
        "single_word",
        "lstrip",
        "rstrip",
        "normalized",
        "special",
        "__type");
    String content = JsonNodes.text(node, "content", "added token");
    String where = "added token '" + content + "'";
    long id = idNode.asLong(-1);
    if (id < 0 || id > ID_MAX) {
      throw new IllegalArgumentException(
          where + ": expected an id, found " + JsonNodes.shown(idNode));
    }
    boolean special = JsonNodes.flag(node, "special", false, where);
    return new AddedToken(
        (int) id,
        content,
        special,
        JsonNodes.flag(node, "normalized", !special, where),
        JsonNodes.flag(node, "lstrip", false, where),
        JsonNodes.flag(node, "rstrip", false, where),
        JsonNodes.flag(node, "single_word", false, where));
  }

  private static void add(Map<String, AddedToken> tokens, AddedToken token) {
    if (tokens.put(token.content(), token) != null) {
      throw new IllegalArgumentException("added token '" + token.content() + "' is listed twice");
    }
  }

  private static void checkIds(Map<String, AddedToken> tokens, Vocabulary vocabulary) {
    Map<Integer, String> byId = new HashMap<>();
    for (AddedToken token : tokens.values()) {
      int known = vocabulary.id(token.content());
      String holder = vocabulary.token(token.id());
      String other = byId.put(token.id(), token.content());
      if (known >= 0 && known != token.id()) {
        throw new IllegalArgumentException(
            "added token '"
                + token.content()
                + "' has the id "
                + token.id()
                + ", but the vocabulary gives it "
                + known);
      }
      if (holder != null && !holder.equals(token.content()) || other != null) {
        throw new IllegalArgumentException(
            "added token '"
                + token.content()
                + "' has the id "
                + token.id()
                + ", which belongs to '"
                + (other == null ? holder : other)
                + "'");
      }
    }
  }
}
