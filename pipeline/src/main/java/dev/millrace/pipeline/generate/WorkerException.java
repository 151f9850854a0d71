package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** A worker cannot do its part, and no other attempt there will: its engine cannot be opened. */
public final class WorkerException extends JobException {
  /**
   * @param refusal what the engine said when it was opened
   */
  WorkerException(RuntimeException refusal) {
    super(
        refusal instanceof DoesNotFitException ? ExitCode.DOES_NOT_FIT : ExitCode.INVALID_INPUT,
        "worker " + name() + ": the engine cannot be opened: " + refusal.getMessage(),
        refusal);
  }

  /** Host and process of this worker. */
  static String name() {
    String host;
    try {
      host = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      host = "of unknown host"; // one without a name of its own still has its process id
    }
    return host + " (process " + ProcessHandle.current().pid() + ")";
  }
}
