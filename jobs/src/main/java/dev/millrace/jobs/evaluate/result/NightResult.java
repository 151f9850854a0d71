package dev.millrace.jobs.evaluate.result;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * One night of evaluation.
 *
 * @param version {@value #VERSION}; fields are only ever added
 * @param nightId names the night's folder; sorts by time
 * @param specName the spec's {@code name}
 * @param specFingerprint SHA-256 of the spec as it was understood, lower-case hexadecimal
 * @param program name and version of what ran
 * @param started when the night began, the first start if it was interrupted
 * @param ended when the verdict was there
 * @param verdict the worst of all tasks
 * @param summary one sentence: the verdict and what it rests on
 * @param baselineNightId the accepted night it was compared with, or null if none is accepted
 * @param models in the order of the spec
 * @param tasks by model, suite and task, in the order of the spec
 */
public record NightResult(
    int version,
    String nightId,
    String specName,
    String specFingerprint,
    String program,
    Instant started,
    Instant ended,
    Verdict verdict,
    String summary,
    String baselineNightId,
    List<ModelRun> models,
    List<TaskResult> tasks) {
  public static final int VERSION = 1;

  public NightResult {
    if (version != VERSION) {
      throw new IllegalArgumentException(
          "expected a night of version "
              + VERSION
              + ", found "
              + version
              + "; read it with the program that wrote it");
    }
    Objects.requireNonNull(nightId, "nightId");
    Objects.requireNonNull(specName, "specName");
    Objects.requireNonNull(started, "started");
    Objects.requireNonNull(ended, "ended");
    Objects.requireNonNull(verdict, "verdict");
    Objects.requireNonNull(summary, "summary");
    models = List.copyOf(models);
    tasks = List.copyOf(tasks);
  }

  /** Tasks whose gate said this. */
  @JsonIgnore
  public List<TaskResult> tasksWith(Verdict wanted) {
    return tasks.stream().filter(task -> task.gate().verdict() == wanted).toList();
  }
}
