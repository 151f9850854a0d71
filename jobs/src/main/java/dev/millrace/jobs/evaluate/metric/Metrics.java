package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.spec.MetricSpec;
import dev.millrace.jobs.evaluate.spec.RequestType;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.spec.Suggestion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Makes the metrics that a spec names. */
public final class Metrics {
  private final Map<String, Function<Options, Metric>> known = new TreeMap<>();
  private final RequestType request;

  private Metrics(TaskSpec task, Sandbox sandbox, UserMetrics users) {
    this.request = task.request();
    switch (request) {
      case GENERATE -> {
        known.put("exact_match", TextMetrics::exactMatch);
        known.put("numeric", TextMetrics::numeric);
        known.put("f1", TextMetrics::f1);
        known.put("ifeval", options -> new IfevalMetric());
        known.put("pass_at_k", options -> PassMetric.of(options, task.sampling().n(), sandbox));
        known.put("service", options -> service(options, users));
      }
      case MULTIPLE_CHOICE -> {
        for (ChoiceMetric metric : ChoiceMetric.values()) {
          known.put(metric.word(), options -> metric);
        }
        known.put("service", options -> service(options, users));
      }
      case PERPLEXITY -> {
        for (String unit : List.of("word", "byte", "token")) {
          String name = unit + "_perplexity";
          known.put(name, options -> new PerplexityMetric(name, unit + "s"));
        }
      }
    }
  }

  /**
   * The metrics of a task, in order.
   *
   * @param sandbox runs commands, for metrics that do
   * @param users metrics of the user's own
   * @throws dev.millrace.jobs.outcome.CommandException if one is not known or cannot be made, with
   *     its place
   */
  public static List<Metric> of(TaskSpec task, Sandbox sandbox, UserMetrics users) {
    Metrics metrics = new Metrics(task, sandbox, users);
    List<Metric> made = new ArrayList<>();
    for (MetricSpec spec : task.metrics()) {
      made.add(metrics.make(spec));
    }
    return made;
  }

  private Metric make(MetricSpec spec) {
    Function<Options, Metric> maker = known.get(spec.name());
    if (maker == null) {
      throw spec.place()
          .error(
              "Expected a metric of " + request.word() + " tasks, found '" + spec.name() + "'",
              Suggestion.nearest(spec.name(), known.keySet())
                  .map(nearest -> "Did you mean '" + nearest + "'?")
                  .orElse("There are " + String.join(", ", known.keySet()) + "."));
    }
    Options options = new Options(spec);
    try {
      Metric metric = maker.apply(options);
      options.close();
      return metric;
    } catch (IllegalArgumentException e) {
      throw spec.place().error(spec.name() + ": " + e.getMessage(), "Correct the option.", e);
    }
  }

  private static Metric service(Options options, UserMetrics users) {
    return new Service(users.named(options.text("name")), options.all());
  }

  private record Service(UserMetric metric, Map<String, Object> options) implements Metric {
    @Override
    public List<Figure> figures() {
      return List.of(new Figure(metric.name(), metric.higherIsBetter(), Aggregation.MEAN));
    }

    @Override
    public Values judge(JudgedSample sample) {
      double value = metric.judge(sample, options);
      if (!Double.isFinite(value)) {
        throw new IllegalStateException(
            "metric " + metric.name() + ": expected a finite number, found " + value);
      }
      return Values.of(metric.name(), value);
    }
  }
}
