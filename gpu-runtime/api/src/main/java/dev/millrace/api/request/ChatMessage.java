package dev.millrace.api.request;

import java.util.Objects;

/**
 * One turn of a conversation.
 *
 * @param role who speaks: usually {@code system}, {@code user} or {@code assistant}
 * @param content what is said, as plain text; never parsed for special tokens, never evaluated
 */
public record ChatMessage(String role, String content) {
  public ChatMessage {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(content, "content");
  }
}
