package dev.millrace.api.engine;

/** The engine itself failed, or could not be opened: no request in flight will be answered. */
public class EngineException extends RuntimeException {
  public EngineException(String message) {
    super(message);
  }

  public EngineException(String message, Throwable cause) {
    super(message, cause);
  }
}
