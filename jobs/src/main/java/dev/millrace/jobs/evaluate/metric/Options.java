package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.spec.MetricSpec;
import dev.millrace.jobs.spec.Suggestion;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Options of a metric; those that nobody asked for are refused. */
final class Options {
  private final MetricSpec spec;
  private final Set<String> known = new HashSet<>();

  Options(MetricSpec spec) {
    this.spec = spec;
  }

  Object value(String name, Object ifAbsent) {
    known.add(name);
    Object value = spec.options().get(name);
    return value == null ? ifAbsent : value;
  }

  double number(String name, double ifAbsent) {
    if (value(name, ifAbsent) instanceof Number number) {
      return number.doubleValue();
    }
    throw new IllegalArgumentException(name + ": expected a number");
  }

  int whole(String name, int ifAbsent, int least, int most) {
    if (value(name, (long) ifAbsent) instanceof Long number && number >= least && number <= most) {
      return Math.toIntExact(number);
    }
    throw new IllegalArgumentException(
        name + ": expected a whole number from " + least + " to " + most);
  }

  String text(String name) {
    if (value(name, null) instanceof String text) {
      return text;
    }
    throw new IllegalArgumentException(name + ": expected a text");
  }

  Map<String, Object> all() {
    known.addAll(spec.options().keySet());
    return spec.options();
  }

  void close() {
    for (String name : spec.options().keySet()) {
      if (!known.contains(name)) {
        throw spec.place()
            .error(
                spec.name() + ": unknown option '" + name + "'",
                Suggestion.nearest(name, known)
                    .map(nearest -> "Did you mean '" + nearest + "'?")
                    .orElse(known.isEmpty() ? "It has none." : "It has " + known + "."));
      }
    }
  }
}
