package dev.millrace.jobs.evaluate.metric;

import java.util.Map;

/**
 * A metric of a user's own: put a class that implements this, with a constructor without
 * parameters, into a jar with an entry in {@code
 * META-INF/services/dev.millrace.jobs.evaluate.metric.UserMetric}, name the jar in a spec's {@code
 * metric_jars} and the metric in a task as {@code service: {name: NAME}}. One instance judges all
 * samples of all tasks, one after another.
 */
public interface UserMetric {
  /** Its name, unique among all. */
  String name();

  /**
   * Judges one sample.
   *
   * @param options what the spec says beside the name
   * @return a finite number; samples that failed count as 0
   */
  double judge(JudgedSample sample, Map<String, Object> options);

  /** Whether more is better; if not, changes are reported with their sign turned. */
  default boolean higherIsBetter() {
    return true;
  }
}
