package dev.millrace.pipeline.job;

import java.util.List;

/** The output folder holds the work of another job, or of this one with something changed. */
public final class ResumeRefusedException extends JobException {
  private final transient List<Difference> differences;

  public ResumeRefusedException(String message, List<Difference> differences) {
    super(ExitCode.INVALID_INPUT, message);
    this.differences = List.copyOf(differences);
  }

  /** What changed; empty if another job is at work on the folder. */
  public List<Difference> differences() {
    return differences == null ? List.of() : differences;
  }

  /**
   * One setting, file or model that is not what it was.
   *
   * @param name for example {@code sampling.max_tokens} or {@code input a.parquet bytes}
   * @param before its value in the output folder, or null if there was none
   * @param now its value in this call, or null if there is none
   */
  public record Difference(String name, String before, String now) {}
}
