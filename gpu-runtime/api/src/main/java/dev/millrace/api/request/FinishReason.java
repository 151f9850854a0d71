package dev.millrace.api.request;

/** Why a choice ended. */
public enum FinishReason {
  /** A stop token, a stop string or the end token of the model. */
  STOP,
  /** {@code maxTokens} or the model's context was reached. */
  LENGTH,
  /** Nothing was generated: the given continuation was scored. */
  SCORED
}
