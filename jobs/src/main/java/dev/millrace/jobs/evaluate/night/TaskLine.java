package dev.millrace.jobs.evaluate.night;

import java.util.Objects;

/**
 * One task's result in the history of nights: what stays when the night's files are gone.
 *
 * @param task name of the task
 * @param model which model, where a night has several; empty otherwise
 * @param metric name of the score
 * @param score the score
 * @param low lower end of its 95 % interval; NaN if there is none
 * @param high upper end of its 95 % interval; NaN if there is none
 * @param rows how many rows were scored
 * @param verdict the task's own: PASS, WARN, FAIL or INCOMPLETE
 */
public record TaskLine(
    String task,
    String model,
    String metric,
    double score,
    double low,
    double high,
    long rows,
    String verdict) {
  public TaskLine {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(metric, "metric");
    Objects.requireNonNull(verdict, "verdict");
  }
}
