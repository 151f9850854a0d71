package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.outcome.ExitCode;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What a night came to.
 *
 * @param exitCode what the command exits with
 * @param verdict one word: PASS, WARN, FAIL, INCOMPLETE or ERROR
 * @param summary one line that says why
 * @param tasks the scores, for the history
 */
public record NightVerdict(
    ExitCode exitCode, String verdict, String summary, List<TaskLine> tasks) {
  public static final String PASS = "PASS";
  public static final String WARN = "WARN";
  public static final String FAIL = "FAIL";

  /** The deadline came before the end. */
  public static final String INCOMPLETE = "INCOMPLETE";

  /** It could not be run: nothing is known of the model. */
  public static final String ERROR = "ERROR";

  public NightVerdict {
    Objects.requireNonNull(exitCode, "exitCode");
    Objects.requireNonNull(verdict, "verdict");
    Objects.requireNonNull(summary, "summary");
    tasks = List.copyOf(tasks);
  }

  /** The verdict that an evaluation's result states. */
  public static NightVerdict of(NightResult night) {
    boolean several = night.models().size() > 1;
    List<TaskLine> tasks = new ArrayList<>();
    for (TaskResult task : night.tasks()) {
      MetricValue metric = task.metric();
      tasks.add(
          new TaskLine(
              task.task(),
              several ? task.model() : "",
              metric.name(),
              metric.score() == null ? Double.NaN : metric.score(),
              metric.interval() == null ? Double.NaN : metric.interval().low(),
              metric.interval() == null ? Double.NaN : metric.interval().high(),
              task.rows(),
              task.gate().verdict().name()));
    }
    return new NightVerdict(
        night.verdict() == Verdict.FAIL ? ExitCode.GATE_FAILED : ExitCode.DONE,
        night.verdict().name(),
        night.summary(),
        tasks);
  }
}
