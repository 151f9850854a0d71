package dev.millrace.pipeline.write;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.millrace.api.request.FailureReason;
import dev.millrace.pipeline.generate.JournalTotals;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.store.JobDescription;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@code manifest.json} of a finished job.
 *
 * @param format version of this file's layout
 * @param millrace version of the program
 * @param fingerprint of {@code job}
 * @param job model, settings and input files by name
 * @param rows rows in
 * @param completed rows with an answer
 * @param failures rows without, by reason
 * @param totals sums over the distinct requests
 * @param files output files in input order
 * @param plan what was known after the stage
 */
public record OutputManifest(
    int format,
    String millrace,
    String fingerprint,
    Map<String, String> job,
    long rows,
    long completed,
    Map<FailureReason, Long> failures,
    JournalTotals totals,
    List<JobReport.OutputFile> files,
    StagePlan plan) {

  private static final int FORMAT = 1;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  public OutputManifest {
    job = Collections.unmodifiableMap(new TreeMap<>(job));
    failures = Collections.unmodifiableMap(new TreeMap<>(failures));
    files = List.copyOf(files);
  }

  static OutputManifest of(
      JobDescription description,
      long rows,
      Map<FailureReason, Long> failures,
      JournalTotals totals,
      List<JobReport.OutputFile> files,
      StagePlan plan) {
    long failed = failures.values().stream().mapToLong(Long::longValue).sum();
    return new OutputManifest(
        FORMAT,
        version(),
        description.fingerprint(),
        description.entries(),
        rows,
        rows - failed,
        failures,
        totals,
        files,
        plan);
  }

  private static String version() {
    String version = OutputManifest.class.getPackage().getImplementationVersion();
    return version == null ? "unpackaged" : version;
  }

  public JobDescription description() {
    return new JobDescription(job);
  }

  public String toJson() throws IOException {
    return JSON.writeValueAsString(this) + "\n";
  }

  /** The manifest of a finished job, or null if there is none. */
  public static OutputManifest readIfPresent(WorkFolder folder) throws IOException {
    return Files.exists(folder.manifest())
        ? JSON.readValue(Files.readString(folder.manifest()), OutputManifest.class)
        : null;
  }

  /** Whether every output file is there with its size. */
  public boolean isComplete(WorkFolder folder) throws IOException {
    for (JobReport.OutputFile file : files) {
      Path path = folder.output().resolve(file.name());
      boolean whole = Files.exists(path) && Files.size(path) == file.bytes();
      boolean failuresThere =
          file.failuresName() == null || Files.exists(folder.output().resolve(file.failuresName()));
      if (!whole || !failuresThere) {
        return false;
      }
    }
    return true;
  }

  /** Deletes the files that the manifest lists. */
  public void deleteFiles(WorkFolder folder) throws IOException {
    for (JobReport.OutputFile file : files) {
      Files.deleteIfExists(folder.output().resolve(file.name()));
      if (file.failuresName() != null) {
        Files.deleteIfExists(folder.output().resolve(file.failuresName()));
      }
    }
  }
}
