package dev.millrace.api.engine;

/** The memory plan does not fit; nothing was taken. The message has the sizes and what to do. */
public final class DoesNotFitException extends RuntimeException {
  public DoesNotFitException(String message) {
    super(message);
  }
}
