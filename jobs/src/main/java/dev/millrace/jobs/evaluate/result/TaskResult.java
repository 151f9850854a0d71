package dev.millrace.jobs.evaluate.result;

import java.util.List;
import java.util.Objects;

/**
 * One task on one model.
 *
 * @param suite the suite that holds it
 * @param task its name, unique in the suite
 * @param model the name of the {@link ModelRun} it ran on
 * @param tags from suite and task
 * @param requestType {@code generate}, {@code multiple_choice} or {@code perplexity}
 * @param metric the metric that is compared and gated
 * @param otherMetrics further metrics of the same rows
 * @param rows rows of the data that were evaluated
 * @param repeats answers per row
 * @param failures samples without an answer; each counts as 0 (wrong) in 0 to 1 metrics and is left
 *     out of perplexities
 * @param flakyRows rows whose answer differs from an earlier night of the same model, request and
 *     seed; null if nothing was there to compare with
 * @param fewShot examples before each row
 * @param promptTokens tokens of all prompts
 * @param outputTokens generated tokens
 * @param data where the rows came from, as in the spec
 * @param dataFingerprint SHA-256 over the rows' contents, lower-case hexadecimal
 * @param provenance who made the data, or null
 * @param license under which terms, or null
 * @param samplesFile path of its samples, relative to the night's folder, with forward slashes
 * @param baseline the comparison with the accepted run, or null if there is none
 * @param gate what the gate said
 */
public record TaskResult(
    String suite,
    String task,
    String model,
    List<String> tags,
    String requestType,
    MetricValue metric,
    List<MetricValue> otherMetrics,
    long rows,
    int repeats,
    long failures,
    Long flakyRows,
    int fewShot,
    long promptTokens,
    long outputTokens,
    String data,
    String dataFingerprint,
    String provenance,
    String license,
    String samplesFile,
    BaselineComparison baseline,
    GateOutcome gate) {
  public TaskResult {
    Objects.requireNonNull(suite, "suite");
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(model, "model");
    tags = List.copyOf(tags);
    Objects.requireNonNull(requestType, "requestType");
    Objects.requireNonNull(metric, "metric");
    otherMetrics = List.copyOf(otherMetrics);
    Objects.requireNonNull(samplesFile, "samplesFile");
    Objects.requireNonNull(gate, "gate");
  }
}
