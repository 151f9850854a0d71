package dev.millrace.pipeline.host;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import java.io.IOException;

/** What an engine is and has done, as JSON. */
final class EngineJson {
  private static final ObjectMapper JSON = new ObjectMapper();

  private EngineJson() {}

  /**
   * The first reply of a connection.
   *
   * @param info what is loaded
   * @param counts the engine's counters when the worker joined
   * @param window requests that the worker may have open
   */
  record Welcome(EngineInfo info, EngineStatistics counts, int window) {}

  static byte[] write(Object value) {
    try {
      return JSON.writeValueAsBytes(value);
    } catch (IOException e) {
      throw new IllegalStateException("engine records hold plain values", e);
    }
  }

  static Welcome welcome(byte[] json) throws IOException {
    return JSON.readValue(json, Welcome.class);
  }

  static EngineStatistics counts(byte[] json) throws IOException {
    return JSON.readValue(json, EngineStatistics.class);
  }

  /** What was added between two readings. */
  static EngineStatistics since(EngineStatistics before, EngineStatistics now) {
    return combine(now, before, -1);
  }

  static EngineStatistics sum(EngineStatistics one, EngineStatistics other) {
    return combine(one, other, 1);
  }

  private static EngineStatistics combine(EngineStatistics a, EngineStatistics b, int sign) {
    return new EngineStatistics(
        a.requests() + sign * b.requests(),
        a.promptTokens() + sign * b.promptTokens(),
        a.cachedTokens() + sign * b.cachedTokens(),
        a.computedTokens() + sign * b.computedTokens(),
        a.outputTokens() + sign * b.outputTokens(),
        a.steps() + sign * b.steps(),
        a.sequenceSteps() + sign * b.sequenceSteps(),
        a.preemptions() + sign * b.preemptions(),
        a.modelNanos() + sign * b.modelNanos(),
        a.idleNanos() + sign * b.idleNanos());
  }
}
