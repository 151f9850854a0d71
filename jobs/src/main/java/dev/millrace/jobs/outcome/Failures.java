package dev.millrace.jobs.outcome;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.workspace.MalformedWorkspaceException;
import dev.millrace.converter.ConversionException;
import dev.millrace.converter.read.CheckpointException;
import dev.millrace.engine.text.MalformedTokenizerException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.store.StorageErrors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;

/** Turns whatever ended a command into an exit code, a message and a remedy. */
public final class Failures {
  private Failures() {}

  /** Explains a failure; one that nobody foresaw is an internal error. */
  public static CommandException explain(Throwable failure) {
    if (failure instanceof CommandException told) {
      return told;
    }
    if (failure instanceof JobException job) {
      return new CommandException(exitCode(job.exitCode()), job.getMessage(), "", job);
    }
    if (failure instanceof EngineException engine) {
      return new CommandException(
          ExitCode.RETRYABLE,
          engine.getMessage(),
          "What was finished is kept: the same command resumes. 'millrace doctor' checks this"
              + " machine.",
          engine);
    }
    if (failure instanceof UncheckedIOException unchecked) {
      return explain(unchecked.getCause());
    }
    if (failure instanceof DoesNotFitException) {
      return new CommandException(
          ExitCode.DOES_NOT_FIT,
          failure.getMessage(),
          "'millrace plan' shows what each part takes.",
          failure);
    }
    if (failure instanceof MalformedWorkspaceException
        || failure instanceof CheckpointException
        || failure instanceof ConversionException
        || failure instanceof MalformedTokenizerException) {
      return new CommandException(ExitCode.USAGE, failure.getMessage(), "", failure);
    }
    if (failure instanceof IOException io) {
      return explainFile(io);
    }
    if (failure instanceof OutOfMemoryError memory) {
      return new CommandException(
          ExitCode.RETRYABLE,
          "Out of memory: " + memory.getMessage(),
          "Give the JVM more heap (JAVA_OPTS=-Xmx8g), or lower --batch-size or --kv-cache.",
          memory);
    }
    return new CommandException(
        ExitCode.INTERNAL,
        "Internal error: " + failure,
        "Please report it with the output.",
        failure);
  }

  private static CommandException explainFile(IOException failure) {
    String text = String.valueOf(failure.getMessage());
    String where = failure instanceof FileSystemException file ? file.getFile() + ": " : "";
    if (StorageErrors.isFull(failure)) {
      return new CommandException(
          ExitCode.RETRYABLE,
          "The disk is full: " + text,
          "Make room and run the same command again; it resumes.",
          failure);
    }
    boolean mayPass = StorageErrors.mayPass(failure);
    return new CommandException(
        mayPass ? ExitCode.RETRYABLE : ExitCode.USAGE,
        "Cannot read or write " + where + failure.getClass().getSimpleName() + ": " + text,
        mayPass
            ? "The disk or the network failed: run the same command again; it resumes."
            : "Check that the path is there and may be used.",
        failure);
  }

  /** The command's exit code for a job's. */
  public static ExitCode exitCode(dev.millrace.pipeline.job.ExitCode job) {
    return ExitCode.ofNumber(job.code())
        .orElseThrow(() -> new IllegalStateException("No exit code of a command is " + job));
  }
}
