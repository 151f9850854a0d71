package dev.millrace.jobs.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.engine.StepTimes;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToLongFunction;

/** What the steps of one run say: kinds of steps, gaps between them, sequences over time. */
final class StepSummary {
  private static final int BUCKETS = 50;

  private final List<StepTimes> steps;

  StepSummary(List<StepTimes> steps) {
    this.steps = steps;
  }

  /** Steps by kind, and the host's share. */
  ObjectNode steps() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("count", steps.size());
    node.set("decode", kind(steps.stream().filter(StepSummary::isDecode).toList()));
    node.set("mixed", kind(steps.stream().filter(step -> !isDecode(step)).toList()));
    node.set("plan_us", spread(step -> step.executeStartNanos() - step.planStartNanos()));
    node.set("commit_us", spread(step -> step.commitEndNanos() - step.executeEndNanos()));
    node.set("host_gap_us", spread(gaps()));
    return node;
  }

  private static boolean isDecode(StepTimes step) {
    return step.tokens() == step.sequences();
  }

  private static ObjectNode kind(List<StepTimes> some) {
    double seconds =
        some.stream().mapToLong(s -> s.executeEndNanos() - s.executeStartNanos()).sum() / 1e9;
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("count", some.size());
    node.put("seconds", rounded(seconds, 1e4));
    node.put("tokens", some.stream().mapToLong(StepTimes::tokens).sum());
    node.put("sequences", some.stream().mapToLong(StepTimes::sequences).sum());
    return node;
  }

  /** From the end of a step's work to the beginning of the next one's. */
  private long[] gaps() {
    long[] gaps = new long[Math.max(0, steps.size() - 1)];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = steps.get(i + 1).executeStartNanos() - steps.get(i).executeEndNanos();
    }
    return gaps;
  }

  private ObjectNode spread(ToLongFunction<StepTimes> nanos) {
    return spread(steps.stream().mapToLong(nanos).toArray());
  }

  private static ObjectNode spread(long[] nanos) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("mean", rounded(Arrays.stream(sorted).average().orElse(0) / 1e3, 10));
    node.put("p50", rounded(quantile(sorted, 0.5) / 1e3, 10));
    node.put("p99", rounded(quantile(sorted, 0.99) / 1e3, 10));
    return node;
  }

  private static double quantile(long[] sorted, double share) {
    return sorted.length == 0
        ? 0
        : sorted[(int) Math.min(sorted.length - 1L, Math.round(share * (sorted.length - 1)))];
  }

  /** Mean sequences in the running step, in each of 50 equal parts of a run's time. */
  ArrayNode occupancy(long startNanos, long endNanos) {
    double[] weighted = new double[BUCKETS];
    double bucket = Math.max(1, (endNanos - startNanos) / (double) BUCKETS);
    for (StepTimes step : steps) {
      double from = (step.executeStartNanos() - startNanos) / bucket;
      double to = (step.executeEndNanos() - startNanos) / bucket;
      for (int i = Math.max(0, (int) from); i < Math.min(BUCKETS, to); i++) {
        weighted[i] += step.sequences() * Math.max(0, Math.min(to, i + 1) - Math.max(from, i));
      }
    }
    ArrayNode node = JsonNodeFactory.instance.arrayNode();
    Arrays.stream(weighted).forEach(value -> node.add(Math.round(value)));
    return node;
  }

  static double rounded(double value, double scale) {
    return Math.round(value * scale) / scale;
  }
}
