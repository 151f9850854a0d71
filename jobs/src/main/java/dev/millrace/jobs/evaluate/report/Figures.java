package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Scores, changes and times as people read them. */
final class Figures {
  static final String NONE = "–";

  private static final String MINUS = "\u2212";
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter DAY =
      DateTimeFormatter.ofPattern("uuuu-MM-dd", Locale.ROOT).withZone(ZoneOffset.UTC);

  private Figures() {}

  /** Whether a metric is a share of the rows, shown in per cent; others are shown as they are. */
  static boolean isShare(MetricValue metric) {
    String name = metric.name();
    boolean other =
        name.contains("perplexity") || name.contains("bits_per") || name.contains("log");
    boolean inside = metric.score() == null || (metric.score() >= 0 && metric.score() <= 1);
    return metric.higherIsBetter() && !other && inside;
  }

  static String score(MetricValue metric, Double score) {
    if (score == null || score.isNaN()) {
      return NONE;
    }
    return isShare(metric) ? String.format(Locale.ROOT, "%.1f %%", score * 100) : plain(score);
  }

  static String range(MetricValue metric, Interval interval) {
    if (interval == null) {
      return "";
    }
    return isShare(metric)
        ? String.format(Locale.ROOT, "%.1f–%.1f", interval.low() * 100, interval.high() * 100)
        : plain(interval.low()) + "–" + plain(interval.high());
  }

  /**
   * What changes are measured in: points of a share, and natural units of log-likelihood (nats) for
   * perplexities, whose changes are those of the mean log-likelihood.
   */
  private static String unit(MetricValue metric) {
    return isShare(metric) ? " pt" : metric.higherIsBetter() ? "" : " nats";
  }

  /** A change with its sign and unit. */
  static String change(MetricValue metric, double change) {
    return signed(metric, change) + unit(metric);
  }

  static String changeRange(MetricValue metric, BaselineComparison comparison) {
    Interval interval = comparison.changeInterval();
    return interval == null
        ? ""
        : signed(metric, interval.low()) + " to " + signed(metric, interval.high());
  }

  private static String signed(MetricValue metric, double value) {
    String text =
        isShare(metric)
            ? String.format(Locale.ROOT, "%+.1f", value * 100)
            : String.format(Locale.ROOT, "%+.3g", value);
    String zero = text.substring(1);
    boolean isZero = zero.chars().allMatch(c -> c == '0' || c == '.');
    return isZero ? "±" + zero : text.replace("-", MINUS);
  }

  /** Four digits that count. */
  static String plain(double value) {
    double size = Math.abs(value);
    if (size >= 1e6 || (size < 1e-3 && size > 0)) {
      return String.format(Locale.ROOT, "%.3g", value).replace("-", MINUS);
    }
    int decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
    return String.format(Locale.ROOT, "%,." + decimals + "f", value).replace("-", MINUS);
  }

  /** One row's value: most are 0 or 1. */
  static String value(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e6
        ? Long.toString((long) value).replace("-", MINUS)
        : plain(value);
  }

  static String probability(double p) {
    return p < 0.001 ? "p < 0.001" : String.format(Locale.ROOT, "p = %.3f", p);
  }

  static String time(Instant instant) {
    return TIME.format(instant);
  }

  static String day(Instant instant) {
    return DAY.format(instant);
  }
}
