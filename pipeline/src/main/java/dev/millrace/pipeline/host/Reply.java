package dev.millrace.pipeline.host;

/**
 * What an engine's process tells a worker.
 *
 * @param kind what it is
 * @param key of the order that it answers, or 0
 * @param body by kind: a completion in {@code CompletionCodec}'s form, JSON, or a text in UTF-8
 */
@SuppressWarnings("ArrayRecordComponent")
record Reply(Kind kind, long key, byte[] body) {
  static final byte[] NOTHING = {};

  /** Kinds; their names are what goes over the wire. */
  enum Kind {
    /** First of all: the engine is open; what it is. */
    READY,
    /** A completion. */
    COMPLETION,
    /** The engine is this worker's alone. */
    CLAIMED,
    /** The engine's counters. */
    COUNTS,
    /** The engine has failed, or could not be opened: a text; the process ends. */
    FAILED,
    /** The engine cannot be opened now, but perhaps later: a text; the process ends. */
    UNAVAILABLE,
    /** The engine's memory plan does not fit: a text; the process ends. */
    DOES_NOT_FIT
  }
}
