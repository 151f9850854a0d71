package dev.millrace.pipeline.host;

import dev.millrace.api.request.GenerationRequest;

/**
 * What a worker tells its engine's process.
 *
 * @param kind what is to be done
 * @param key names the request or question on its connection; answers carry it
 * @param request for {@link Kind#SUBMIT}, else null
 */
record Order(Kind kind, long key, GenerationRequest request) {

  /** Kinds; their names are what goes over the wire. */
  enum Kind {
    /** Answer this request. */
    SUBMIT,
    /** Stop working on the request of this key. */
    CANCEL,
    /** Keep all other workers' requests off the engine, and say when that is so. */
    CLAIM,
    /** Let the others in again. */
    RELEASE,
    /** Tell the engine's counters. */
    COUNT
  }

  static Order submit(long key, GenerationRequest request) {
    return new Order(Kind.SUBMIT, key, request);
  }

  static Order of(Kind kind, long key) {
    return new Order(kind, key, null);
  }
}
