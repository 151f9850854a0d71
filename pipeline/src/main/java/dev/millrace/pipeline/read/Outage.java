package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.util.Locale;
import java.util.regex.Pattern;

/** Trouble of a network, a store or a disk, which may pass: nobody's mistake, no damaged file. */
public final class Outage {
  /** How a message ends where the system gives the reason: the JDK has no exceptions for these. */
  private static final Pattern SYSTEM =
      Pattern.compile(
          "(input/output error|remote i/o error|stale file handle|too many open files"
              + "( in system)?|connection timed out|no route to host|host is down"
              + "|transport endpoint is not connected|cannot allocate memory"
              + "|resource temporarily unavailable)\\)?$");

  /** A store that breaks off, or answers that it is at fault, in the words of its clients. */
  private static final Pattern STORE =
      Pattern.compile(
          "^premature end of content-length|\\(service: \\w+, status code: 5\\d\\d\\b"
              + "|^50[0-4] (internal|bad gateway|service|gateway)");

  private Outage() {}

  /** Whether a failure comes of an outage. */
  public static boolean isCauseOf(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String text = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
      if (cause instanceof SocketException
          || cause instanceof UnknownHostException
          || cause instanceof HttpTimeoutException
          || cause instanceof InterruptedIOException // a socket's timeout, and a client's own
          || (cause instanceof IOException && SYSTEM.matcher(text).find())
          || STORE.matcher(text).find()) {
        return true;
      }
    }
    return false;
  }

  /** What to throw for an input that cannot be read: a refusal of it, unless its cause may pass. */
  static JobException orElse(InvalidInputException refusal, String input) {
    Throwable cause = refusal.getCause();
    return isCauseOf(cause)
        ? new RetryableException(
            "expected to read input "
                + input
                + ", found that the network or the storage failed: "
                + cause
                + "; start the same command again, it continues; if this comes again, check the"
                + " address",
            cause)
        : refusal;
  }
}
