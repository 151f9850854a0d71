package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import java.io.IOException;

/**
 * Writes what others read of a finished night, or tells them. Called after {@code night.json} is in
 * place: what fails here is told and changes no verdict.
 */
public interface NightReporter {
  /** Reports one night. */
  void report(EvaluationFolder evaluation, NightFolder folder, NightResult night)
      throws IOException;
}
