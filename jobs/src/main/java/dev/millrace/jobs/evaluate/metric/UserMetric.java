package dev.millrace.jobs.evaluate.metric;

import java.util.Map;

/**
 * A metric of a user's own: put a class that implements this on the class path with an entry in
 * {@code META-INF/services/dev.millrace.jobs.evaluate.metric.UserMetric}, and name it in a spec as
 * {@code service: {name: NAME}}.
 */
public interface UserMetric {
  /** Its name, unique among all on the class path. */
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
