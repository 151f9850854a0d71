package dev.millrace.pipeline.prompt;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Cell values to texts, conversations and token ids. */
final class PromptValues {
  /** OpenAI's newer models say {@code developer} for {@code system}. */
  private static final Set<String> SYSTEM_ROLES = Set.of("system", "developer");

  private PromptValues() {}

  /** Text of a cell; binary cells are read as UTF-8. */
  static String text(Object value, String column) throws RequestException {
    if (value == null) {
      throw new RequestException(
          FailureReason.PROMPT_NULL, "expected text, found null (column=" + column + ")");
    }
    if (value instanceof byte[] bytes) {
      return decode(bytes, column);
    }
    if (!(value instanceof String text)) {
      throw new RequestException(
          FailureReason.PROMPT_INVALID,
          "expected text, found " + kind(value) + " (column=" + column + ")");
    }
    if (!isWellFormed(text)) {
      throw new RequestException(
          FailureReason.PROMPT_INVALID,
          "expected Unicode text, found half a surrogate pair (column=" + column + ")");
    }
    return text;
  }

  private static String decode(byte[] bytes, String column) throws RequestException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new RequestException(
          FailureReason.PROMPT_INVALID,
          "expected UTF-8 text, found other bytes (column=" + column + ")");
    }
  }

  private static boolean isWellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        boolean pair =
            Character.isHighSurrogate(c)
                && i + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(i + 1));
        if (!pair) {
          return false;
        }
        i++;
      }
    }
    return true;
  }

  /** A conversation from a list of role and content, or from the same as JSON text. */
  static Prompt.Chat chat(Object value, String systemPrompt, String column)
      throws RequestException {
    if (value == null) {
      throw new RequestException(
          FailureReason.PROMPT_NULL, "expected a conversation, found null (column=" + column + ")");
    }
    Object parsed = value;
    if (value instanceof String || value instanceof byte[]) {
      try {
        parsed = JsonRow.parseText(text(value, column));
      } catch (Row.InvalidRowException e) {
        throw invalid("a list of role and content as JSON", e.getMessage(), column);
      }
    }
    if (!(parsed instanceof List<?> turns) || turns.isEmpty()) {
      throw invalid("a list of role and content", kind(parsed), column);
    }
    List<ChatMessage> messages = new ArrayList<>();
    for (Object turn : turns) {
      messages.add(message(turn, column));
    }
    if (systemPrompt != null && !SYSTEM_ROLES.contains(messages.get(0).role())) {
      messages.add(0, new ChatMessage("system", systemPrompt));
    }
    return new Prompt.Chat(messages);
  }

  private static ChatMessage message(Object turn, String column) throws RequestException {
    if (!(turn instanceof Map<?, ?> fields)) {
      throw invalid("role and content in each message", kind(turn), column);
    }
    for (Object name : fields.keySet()) {
      boolean carries = name.equals("tool_calls") || name.equals("function_call");
      if (carries && fields.get(name) != null) {
        throw invalid("role and content in each message", name + ", not supported", column);
      }
    }
    if (!(fields.get("role") instanceof String role) || role.isEmpty()) {
      throw invalid("a role in each message", kind(fields.get("role")), column);
    }
    return new ChatMessage(role, content(fields.get("content"), column));
  }

  private static String content(Object content, String column) throws RequestException {
    if (content instanceof List<?> parts) {
      StringBuilder text = new StringBuilder();
      for (Object part : parts) {
        boolean isText =
            part instanceof Map<?, ?> fields
                && "text".equals(fields.get("type"))
                && fields.get("text") instanceof String;
        if (!isText) {
          throw invalid("text parts", partKind(part) + ", not supported", column);
        }
        text.append((String) ((Map<?, ?>) part).get("text"));
      }
      return text(text.toString(), column);
    }
    if (content instanceof String || content instanceof byte[]) {
      return text(content, column);
    }
    throw invalid("text as the content of each message", kind(content), column);
  }

  private static String partKind(Object part) {
    return part instanceof Map<?, ?> fields
            && fields.get("type") instanceof String type
            && !type.equals("text")
        ? "a part of type " + type
        : "a part that is not text";
  }

  private static RequestException invalid(String expected, String found, String column) {
    return new RequestException(
        FailureReason.MESSAGES_INVALID,
        "expected " + expected + ", found " + found + " (column=" + column + ")");
  }

  /** Token ids from a list of whole numbers. */
  static Prompt.Tokens tokens(Object value, String column) throws RequestException {
    if (value == null) {
      throw new RequestException(
          FailureReason.PROMPT_NULL, "expected token ids, found null (column=" + column + ")");
    }
    if (!(value instanceof List<?> list)) {
      throw new RequestException(
          FailureReason.PROMPT_INVALID,
          "expected a list of token ids, found " + kind(value) + " (column=" + column + ")");
    }
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      if (!(list.get(i) instanceof Long id) || id < 0 || id >= Integer.MAX_VALUE) {
        throw new RequestException(
            FailureReason.PROMPT_INVALID,
            "expected token ids from 0, found "
                + list.get(i)
                + " at "
                + i
                + " (column="
                + column
                + ")");
      }
      ids[i] = Math.toIntExact(id);
    }
    return new Prompt.Tokens(ids);
  }

  static String kind(Object value) {
    if (value == null) {
      return "null";
    }
    if (value instanceof List<?> list) {
      return list.isEmpty() ? "an empty list" : "a list";
    }
    if (value instanceof Map) {
      return "an object";
    }
    return value instanceof String ? "text" : value + "";
  }
}
