package dev.millrace.api.request;

/** A request that cannot be served as it stands; it becomes a failure row, never a dead job. */
public final class RequestException extends Exception {
  private final transient RequestFailure failure;

  public RequestException(FailureReason reason, String message) {
    super(reason + ": " + message);
    this.failure = new RequestFailure(reason, message);
  }

  public RequestFailure failure() {
    return failure;
  }
}
