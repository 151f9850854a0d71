package dev.millrace.jobs.evaluate.result;

import java.util.Objects;

/**
 * One model of a night.
 *
 * @param name as the spec calls it; what {@link TaskResult#model} refers to
 * @param workspace where it was read
 * @param fingerprint names weights, tokenizer and template
 * @param engineFingerprint the same and every engine setting that can change a token
 * @param job what its batch job did
 * @param engine what its engine took and did, or null if every answer came from the cache
 */
public record ModelRun(
    String name,
    String workspace,
    String fingerprint,
    String engineFingerprint,
    JobTotals job,
    EngineTotals engine) {
  public ModelRun {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(workspace, "workspace");
    Objects.requireNonNull(fingerprint, "fingerprint");
    Objects.requireNonNull(job, "job");
  }
}
