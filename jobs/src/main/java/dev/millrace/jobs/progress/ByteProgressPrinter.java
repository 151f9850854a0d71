package dev.millrace.jobs.progress;

import dev.millrace.api.workspace.ByteProgress;
import java.io.PrintStream;
import java.util.function.LongSupplier;

/** Shows how far a pass over many bytes is, with its rate and the time to go. */
public final class ByteProgressPrinter implements ByteProgress {
  private static final long NANOS = 1_000_000_000L;
  private static final int LINE_COLUMNS = 78;

  private final String verb;
  private final PrintStream err;
  private final boolean terminal;
  private final LongSupplier nanoClock;
  private final long startedAt;

  private long shownAt;
  private boolean shown;

  /**
   * A printer.
   *
   * @param verb what is done, for example {@code converting}
   */
  public ByteProgressPrinter(
      String verb, PrintStream err, boolean terminal, LongSupplier nanoClock) {
    this.verb = verb;
    this.err = err;
    this.terminal = terminal;
    this.nanoClock = nanoClock;
    this.startedAt = nanoClock.getAsLong();
    this.shownAt = startedAt;
  }

  /** Prints ten times a second on a terminal, every 30 s to a log. */
  @Override
  public synchronized void progress(long bytesDone, long bytesTotal) {
    long now = nanoClock.getAsLong();
    if (now - shownAt < (terminal ? NANOS / 10 : 30 * NANOS)) {
      return;
    }
    shownAt = now;
    shown = true;
    double seconds = (now - startedAt) / (double) NANOS;
    double rate = bytesDone / seconds;
    String line =
        String.format(
            "%s %s of %s, %s/s%s",
            verb,
            Amounts.bytes(bytesDone),
            Amounts.bytes(bytesTotal),
            Amounts.bytes((long) rate),
            rate > 0 ? ", " + Amounts.text((bytesTotal - bytesDone) / rate) + " to go" : "");
    if (terminal) {
      String cut = line.length() > LINE_COLUMNS ? line.substring(0, LINE_COLUMNS) : line;
      err.printf("\r%-" + LINE_COLUMNS + "s", cut);
      err.flush();
    } else {
      err.println(line);
    }
  }

  /** Ends the redrawn line. */
  public synchronized void finish() {
    if (terminal && shown) {
      err.printf("\r%" + LINE_COLUMNS + "s\r", "");
      err.flush();
    }
  }
}
