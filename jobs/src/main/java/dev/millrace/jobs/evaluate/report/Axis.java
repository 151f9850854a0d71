package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.Interval;
import java.util.ArrayList;
import java.util.List;

/**
 * The range of a plot's values, a little wider than they are, with round ticks.
 *
 * @param low value at the lower end
 * @param high value at the upper end, above {@code low}
 */
record Axis(double low, double high) {
  private static final int STEPS = 4;

  /** Around all intervals; never so narrow that noise in the last digit fills the plot. */
  static Axis of(List<Interval> intervals) {
    double low = intervals.stream().mapToDouble(Interval::low).min().orElse(0);
    double high = intervals.stream().mapToDouble(Interval::high).max().orElse(1);
    double least = Math.max(1e-6, Math.max(Math.abs(low), Math.abs(high)) * 0.02);
    double room = Math.max((high - low) * 0.08, (least - (high - low)) / 2);
    return new Axis(low - Math.max(room, 1e-9), high + Math.max(room, 1e-9));
  }

  /** Where a value lies, from 0 at the lower to 1 at the upper end. */
  double share(double value) {
    return (value - low) / (high - low);
  }

  /** Round values inside, three to six of them. */
  List<Double> ticks() {
    double rough = (high - low) / STEPS;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double lead = rough / power;
    double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
    List<Double> ticks = new ArrayList<>();
    for (double tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
      ticks.add(tick);
    }
    return ticks;
  }
}
