package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobStage;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * The numbers of one worker: rows and tokens that it committed for its run, and how its engine is
 * doing. Read by other threads as often as they like: the engine is asked once a second at most.
 */
final class WorkerGauges {
  private static final long FRESH_NANOS = 1_000_000_000;
  private static final EngineStatistics NOTHING =
      new EngineStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  private final Counters counters;
  private final EngineLease lease;
  private EngineStatistics before = NOTHING;
  private EngineStatistics now = NOTHING;
  private long beforeAt = System.nanoTime();
  private long nowAt = beforeAt;

  WorkerGauges(Counters counters, EngineLease lease) {
    this.counters = counters;
    this.lease = lease;
  }

  Map<String, DoubleSupplier> all() {
    Map<String, DoubleSupplier> gauges = new LinkedHashMap<>();
    gauges.put("rows", () -> progress().rowsDone());
    gauges.put("failedRows", () -> progress().rowsFailed());
    gauges.put("promptTokens", () -> progress().promptTokens());
    gauges.put("outputTokens", () -> progress().outputTokens());
    gauges.put("outputTokensPerSecond", this::outputTokensPerSecond);
    gauges.put("batchOccupancy", this::batchOccupancy);
    gauges.put("engineRestarts", () -> (double) lease.restarts());
    return gauges;
  }

  private JobProgress progress() {
    return counters.progress(JobStage.GENERATE, -1, 0, 0);
  }

  /** Over the last seconds. */
  private synchronized double outputTokensPerSecond() {
    refresh();
    double seconds = (nowAt - beforeAt) / 1e9;
    return seconds <= 0 ? 0 : Math.max(0, now.outputTokens() - before.outputTokens()) / seconds;
  }

  /** Sequences in a step, over the last seconds. */
  private synchronized double batchOccupancy() {
    refresh();
    long steps = now.steps() - before.steps();
    return steps <= 0 ? 0 : (double) (now.sequenceSteps() - before.sequenceSteps()) / steps;
  }

  private void refresh() {
    long time = System.nanoTime();
    if (time - nowAt < FRESH_NANOS) {
      return;
    }
    Engine engine = lease.openedEngine();
    before = now;
    beforeAt = nowAt;
    now = engine == null ? NOTHING : engine.statistics();
    nowAt = time;
  }
}
