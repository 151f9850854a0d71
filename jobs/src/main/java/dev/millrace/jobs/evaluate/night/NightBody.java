package dev.millrace.jobs.evaluate.night;

import java.io.IOException;
import java.util.Set;

/** The evaluation inside a night. */
public interface NightBody {
  /**
   * Runs or continues the night and decides. Called once per attempt, with the lock held.
   *
   * @throws dev.millrace.pipeline.job.JobCancelledException if {@link Night#cancel} ended it
   */
  NightVerdict decide(Night night) throws IOException;

  /**
   * Writes what people read. Called after the verdict is stored: a failure here is told and kept
   * beside the verdict, which it does not change.
   */
  default void report(Night night, NightVerdict verdict) throws IOException {}

  /** Names of nights that must outlive any retention, such as the baseline's. */
  default Set<String> kept() {
    return Set.of();
  }
}
