package dev.millrace.pipeline.generate;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import java.net.InetAddress;
import java.net.UnknownHostException;

/** A worker cannot do its part, and no other attempt there will: its engine cannot be opened. */
public final class WorkerException extends JobException {
  WorkerException(String message, Throwable cause) {
    super(ExitCode.INVALID_INPUT, "worker " + name() + ": " + message, cause);
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
