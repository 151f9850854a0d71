package dev.millrace.jobs.evaluate.request;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Objects;

/**
 * One request. Always deterministic (greedy, or with a seed of its own), so that an equal one of an
 * earlier night has the same answer.
 *
 * @param prompt chat, plain text or token ids
 * @param continuation text to score after the prompt, or null
 * @param scoredTokens of a prompt of token ids: log-probabilities of so many last ones are added
 *     up; 0 to generate or to score a continuation
 * @param sampling how to draw
 */
public record ModelRequest(
    Prompt prompt, String continuation, int scoredTokens, SamplingSettings sampling) {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  public ModelRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(sampling, "sampling");
    if (!sampling.isDeterministic()) {
      throw new IllegalArgumentException(
          "expected greedy or seeded sampling, found temperature " + sampling.temperature());
    }
  }

  /** Whether a continuation is scored. */
  public boolean isScoring() {
    return continuation != null;
  }

  /**
   * Names model and request, lower-case hexadecimal: equal keys ask the same of the same model.
   *
   * @param engineFingerprint names the model and every setting that can change a token
   */
  public String key(String engineFingerprint) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(engineFingerprint.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
      digest.update(json().toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest.digest(), 0, 20);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** The request as a row of the batch job, without its id. */
  ObjectNode json() {
    ObjectNode row = NODES.objectNode();
    if (prompt instanceof Prompt.Chat chat) {
      ArrayNode turns = row.putArray("messages");
      for (ChatMessage message : chat.messages()) {
        turns.addObject().put("role", message.role()).put("content", message.content());
      }
    } else if (prompt instanceof Prompt.Text text) {
      row.put("prompt", text.text());
    } else if (prompt instanceof Prompt.Tokens tokens) {
      ArrayNode ids = row.putArray("prompt_token_ids");
      for (int id : tokens.tokenIds()) {
        ids.add(id);
      }
    }
    if (continuation != null) {
      row.put("continuation", continuation);
    }
    if (scoredTokens > 0) {
      row.put("scored_tokens", scoredTokens);
    }
    row.set("sampling_params", SamplingParameters.json(sampling));
    return row;
  }
}
