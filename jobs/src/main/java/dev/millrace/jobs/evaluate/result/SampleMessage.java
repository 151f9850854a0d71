package dev.millrace.jobs.evaluate.result;

import java.util.Objects;

/**
 * One turn of a chat prompt.
 *
 * @param role who speaks
 * @param content what is said
 */
public record SampleMessage(String role, String content) {
  public SampleMessage {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(content, "content");
  }
}
