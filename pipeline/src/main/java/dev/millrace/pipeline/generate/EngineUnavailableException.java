package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.EngineException;

/**
 * There is no engine now, for a reason outside the job and its settings: a later try may get one.
 */
public final class EngineUnavailableException extends EngineException {
  private static final long serialVersionUID = 1L;

  public EngineUnavailableException(String message) {
    super(message);
  }

  public EngineUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
