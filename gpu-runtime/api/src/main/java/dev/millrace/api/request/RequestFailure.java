package dev.millrace.api.request;

import java.util.Objects;

/**
 * Why a request has no completion.
 *
 * @param reason the kind, from the documented list
 * @param message expected, found and what to do, for a person
 */
public record RequestFailure(FailureReason reason, String message) {
  public RequestFailure {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(message, "message");
  }
}
