package dev.millrace.api.request;

/** Why a row has no completion. The names are part of the output format: rename none of them. */
public enum FailureReason {
  /** The prompt column is null in this row. */
  PROMPT_NULL,
  /** The prompt has no token at all. */
  PROMPT_EMPTY,
  /** Prompt and requested output do not fit the model's context, or the prompt alone does not. */
  PROMPT_TOO_LONG,
  /** The prompt holds bytes that are not UTF-8, or token ids that the model does not know. */
  PROMPT_INVALID,
  /** The messages are not a list of role and content that the chat template takes. */
  MESSAGES_INVALID,
  /** The row itself cannot be parsed (a broken JSON line, say). */
  ROW_INVALID,
  /** A sampling setting of the row is out of range or unknown. */
  SETTINGS_INVALID,
  /** The engine failed on this request, and again when tried alone; it answered others since. */
  ENGINE_FAILED,
  /** The request did not finish before its deadline. */
  DEADLINE_EXCEEDED,
  /** The request was cancelled before it finished. */
  CANCELLED
}
