package dev.millrace.jobs.bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.cuda.VerbTimes;

/** Times of verbs as the report shows them: microseconds of a mean step, by kind of step. */
final class VerbProfile {
  private VerbProfile() {}

  static ObjectNode json(VerbTimes times) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.set("decode", kind(times, true));
    node.set("mixed", kind(times, false));
    return node;
  }

  private static ObjectNode kind(VerbTimes times, boolean decodeOnly) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    long steps = times.steps(decodeOnly);
    node.put("steps", steps);
    if (steps == 0) {
      return node;
    }
    node.put("mean_rows", Math.round((double) times.rows(decodeOnly) / steps));
    double sum = 0;
    ObjectNode verbs = JsonNodeFactory.instance.objectNode();
    for (var entry : times.millis(decodeOnly).entrySet()) {
      double micros = entry.getValue() * 1e3 / steps;
      verbs.put(entry.getKey(), StepSummary.rounded(micros, 10));
      sum += micros;
    }
    node.put("sum_us", StepSummary.rounded(sum, 10));
    node.set("verbs_us", verbs);
    return node;
  }
}
