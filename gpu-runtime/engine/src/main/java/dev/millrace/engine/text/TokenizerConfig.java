package dev.millrace.engine.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What {@code tokenizer_config.json} says beyond {@code tokenizer.json}. Its other fields choose
 * among Python classes and their habits and change no id here; {@code clean_up_tokenization_spaces}
 * is not followed, since it would change text that was already handed out.
 *
 * @param addBosToken whether every text starts with the beginning-of-text token; null if not said
 * @param addEosToken whether every text ends with the end-of-text token; null if not said
 * @param namedTokens special tokens by role ({@code bos_token}), in the order of the file
 * @param additionalSpecialTokens special tokens without a role
 * @param addedTokens tokens that the file lists with an id ({@code added_tokens_decoder})
 * @param chatTemplates chat template sources by name; a single one is called {@code default}
 */
public record TokenizerConfig(
    Boolean addBosToken,
    Boolean addEosToken,
    Map<String, String> namedTokens,
    List<String> additionalSpecialTokens,
    List<AddedToken> addedTokens,
    Map<String, String> chatTemplates) {
  public static final TokenizerConfig EMPTY =
      new TokenizerConfig(null, null, Map.of(), List.of(), List.of(), Map.of());

  /** The name of the template that is used where none is asked for. */
  public static final String DEFAULT_TEMPLATE = "default";

  private static final List<String> TOKEN_ROLES =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  public TokenizerConfig {
    namedTokens = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(namedTokens));
    additionalSpecialTokens = List.copyOf(additionalSpecialTokens);
    addedTokens = List.copyOf(addedTokens);
    chatTemplates = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(chatTemplates));
  }

  /**
   * Reads the file.
   *
   * @throws MalformedTokenizerException if it is broken
   */
  public static TokenizerConfig load(Path file) throws IOException {
    try {
      return of(new ObjectMapper().readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException e) {
      throw new MalformedTokenizerException(file.toString(), "not JSON: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new MalformedTokenizerException(file.toString(), e.getMessage(), e);
    }
  }

  private static TokenizerConfig of(JsonNode node) {
    if (!node.isObject()) {
      throw new IllegalArgumentException("expected a JSON object, found " + JsonNodes.shown(node));
    }
    Map<String, String> named = new LinkedHashMap<>();
    for (String role : TOKEN_ROLES) {
      if (node.hasNonNull(role)) {
        named.put(role, tokenText(node.path(role), role));
      }
    }
    List<String> additional = new ArrayList<>();
    for (JsonNode token : node.path("additional_special_tokens")) {
      additional.add(tokenText(token, "additional_special_tokens"));
    }
    List<AddedToken> added = new ArrayList<>();
    node.path("added_tokens_decoder")
        .fields()
        .forEachRemaining(
            e ->
                added.add(
                    AddedTokenReader.token(
                        e.getValue(),
                        com.fasterxml.jackson.databind.node.TextNode.valueOf(e.getKey()))));
    return new TokenizerConfig(
        optionalFlag(node, "add_bos_token"),
        optionalFlag(node, "add_eos_token"),
        named,
        additional,
        added,
        templates(node.path("chat_template")));
  }

  /** A token is a string, or an object that holds it as {@code content}. */
  private static String tokenText(JsonNode token, String where) {
    return token.isObject()
        ? JsonNodes.text(token, "content", where)
        : JsonNodes.text(
            new ObjectMapper().createObjectNode().set("content", token), "content", where);
  }

  private static Boolean optionalFlag(JsonNode node, String field) {
    return node.hasNonNull(field) ? JsonNodes.flag(node, field, false, field) : null;
  }

  private static Map<String, String> templates(JsonNode node) {
    Map<String, String> templates = new LinkedHashMap<>();
    if (node.isTextual()) {
      templates.put(DEFAULT_TEMPLATE, node.textValue());
    } else if (node.isArray()) {
      for (JsonNode one : node) {
        templates.put(
            JsonNodes.text(one, "name", "chat_template"),
            JsonNodes.text(one, "template", "chat_template"));
      }
    } else if (!node.isMissingNode() && !node.isNull()) {
      throw new IllegalArgumentException(
          "chat_template: expected a string or a list of named ones, found "
              + JsonNodes.shown(node));
    }
    return templates;
  }

  String bosToken() {
    return namedTokens.get("bos_token");
  }

  String eosToken() {
    return namedTokens.get("eos_token");
  }

  /** All special tokens, each once. */
  Set<String> specialTokens() {
    Set<String> all = new LinkedHashSet<>(namedTokens.values());
    all.addAll(additionalSpecialTokens);
    return all;
  }
}
