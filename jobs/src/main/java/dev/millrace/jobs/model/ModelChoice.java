package dev.millrace.jobs.model;

import java.nio.file.Path;
import java.util.Objects;

/**
 * Which model a job runs.
 *
 * @param kind a workspace as it is, a checkpoint that is converted into the cache, or the sample
 *     model, which is one
 * @param path the workspace or checkpoint; null for the sample model
 */
public record ModelChoice(Kind kind, Path path) {

  /** Where a model comes from. */
  public enum Kind {
    WORKSPACE,
    CHECKPOINT,
    SAMPLE
  }

  public ModelChoice {
    Objects.requireNonNull(kind, "kind");
    if ((path == null) != (kind == Kind.SAMPLE)) {
      throw new IllegalArgumentException("expected a path for " + kind + ", found " + path);
    }
  }
}
