package dev.millrace.jobs.progress;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.StagePlan;
import java.io.PrintStream;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Shows what a job does, on standard error. Calls come one at a time. Rates and times to go count
 * this run's work alone: rows resumed from an earlier run cost nothing.
 */
public final class ProgressPrinter implements JobListener {
  private static final long NANOS = 1_000_000_000L;
  private static final int BAR_CELLS = 24;

  private final ProgressStyle style;
  private final PrintStream err;
  private final LongSupplier nanoClock;
  private final int columns;

  private JobProgress first;
  private JobProgress last;
  private long shownAt;
  private int shownLength;

  /**
   * A printer.
   *
   * @param columns width of the terminal; a bar is cut to it
   * @param nanoClock {@link System#nanoTime}, or a test's own
   */
  public ProgressPrinter(
      ProgressStyle style, PrintStream err, int columns, LongSupplier nanoClock) {
    this.style = style;
    this.err = err;
    this.columns = columns;
    this.nanoClock = nanoClock;
  }

  @Override
  public synchronized void stageStarted(JobStage stage) {
    first = null;
    last = null;
    shownAt = nanoClock.getAsLong();
    if (style == ProgressStyle.JSON) {
      print(event("started", stage));
    } else if (style == ProgressStyle.BAR) {
      redraw(name(stage) + " ...");
    }
  }

  @Override
  public synchronized void stageFinished(JobStage stage, double seconds, boolean resumed) {
    switch (style) {
      case JSON -> print(event("finished", stage).put("seconds", seconds).put("resumed", resumed));
      case BAR, LOG -> {
        redraw("");
        err.println(finished(stage, seconds, resumed));
      }
      case NONE -> {}
    }
  }

  @Override
  public synchronized void planned(StagePlan plan) {
    if (style == ProgressStyle.JSON) {
      print(
          event("planned", JobStage.STAGE)
              .put("rows", plan.rows())
              .put("failed_rows", plan.failedRows())
              .put("requests", plan.requests())
              .put("duplicates", plan.duplicates())
              .put("prompt_tokens", plan.promptTokens())
              .put("shared_prefix_tokens", plan.sharedPrefixTokens())
              .put("output_tokens_max", plan.outputTokensMax()));
    }
  }

  @Override
  public synchronized void progressed(JobProgress progress) {
    if (first == null) {
      first = progress;
    }
    last = progress;
    long now = nanoClock.getAsLong();
    if (style == ProgressStyle.NONE || now - shownAt < interval()) {
      return;
    }
    shownAt = now;
    switch (style) {
      case JSON -> print(json(progress));
      case LOG -> err.println(line(progress));
      case BAR -> redraw(bar(progress) + line(progress));
      case NONE -> {}
    }
  }

  @Override
  public synchronized void warned(String message) {
    if (style == ProgressStyle.JSON) {
      print(object("warned").put("message", message));
    } else {
      redraw("");
      err.println("Warning: " + message);
    }
  }

  /** Leaves the terminal clean when a job ends early. */
  public synchronized void clear() {
    redraw("");
  }

  private long interval() {
    return switch (style) {
      case BAR -> NANOS / 10;
      case LOG -> 30 * NANOS;
      case JSON, NONE -> NANOS;
    };
  }

  private String finished(JobStage stage, double seconds, boolean resumed) {
    String what =
        last != null && last.stage() == stage && last.rowsDone() > 0
            ? Amounts.count(last.rowsDone()) + " " + unit(stage) + ", "
            : "";
    return String.format(
        Locale.ROOT,
        "%-9s %s%s%s",
        name(stage),
        what,
        Amounts.text(seconds),
        resumed ? " (done by an earlier run)" : "");
  }

  private String line(JobProgress progress) {
    StringBuilder line = new StringBuilder(String.format("%-9s ", name(progress.stage())));
    line.append(Amounts.count(progress.rowsDone()));
    if (progress.rowsTotal() >= 0) {
      line.append(" of ").append(Amounts.count(progress.rowsTotal()));
    }
    line.append(' ').append(unit(progress.stage()));
    if (progress.rowsFailed() > 0) {
      line.append(", ").append(Amounts.count(progress.rowsFailed())).append(" failed");
    }
    double tokenRate = tokensPerSecond(progress);
    if (tokenRate > 0) {
      line.append(", ").append(Amounts.rate(tokenRate)).append(" tokens/s");
    }
    double toGo = secondsToGo(progress);
    if (toGo > 0) {
      line.append(", ").append(Amounts.text(toGo)).append(" to go");
    }
    return line.toString();
  }

  private static String bar(JobProgress progress) {
    if (progress.rowsTotal() <= 0) {
      return "";
    }
    int filled = (int) (BAR_CELLS * progress.rowsDone() / progress.rowsTotal());
    return "[" + "#".repeat(filled) + ".".repeat(BAR_CELLS - filled) + "] ";
  }

  private double tokensPerSecond(JobProgress progress) {
    double seconds = progress.stageSeconds() - first.stageSeconds();
    return seconds <= 0 ? 0 : (progress.outputTokens() - first.outputTokens()) / seconds;
  }

  private static double secondsToGo(JobProgress progress) {
    long doneNow = progress.rowsDone() - progress.rowsResumed();
    long left = progress.rowsTotal() - progress.rowsDone();
    return doneNow <= 0 || left <= 0 ? 0 : progress.stageSeconds() * left / doneNow;
  }

  private ObjectNode json(JobProgress progress) {
    return event("progress", progress.stage())
        .put("rows_total", progress.rowsTotal())
        .put("rows_done", progress.rowsDone())
        .put("rows_resumed", progress.rowsResumed())
        .put("rows_failed", progress.rowsFailed())
        .put("prompt_tokens", progress.promptTokens())
        .put("cached_tokens", progress.cachedTokens())
        .put("output_tokens", progress.outputTokens())
        .put("chunks_total", progress.chunksTotal())
        .put("chunks_done", progress.chunksDone())
        .put("seconds", progress.stageSeconds())
        .put("tokens_per_second", tokensPerSecond(progress))
        .put("seconds_to_go", secondsToGo(progress));
  }

  private static ObjectNode event(String name, JobStage stage) {
    return object(name).put("stage", name(stage));
  }

  private static ObjectNode object(String event) {
    return JsonNodeFactory.instance.objectNode().put("event", event);
  }

  private void print(ObjectNode event) {
    err.println(event);
  }

  private void redraw(String text) {
    if (style != ProgressStyle.BAR) {
      return;
    }
    String cut = text.length() < columns ? text : text.substring(0, columns - 1);
    err.print("\r" + cut + " ".repeat(Math.max(0, shownLength - cut.length())));
    if (cut.isEmpty()) {
      err.print("\r");
    }
    err.flush();
    shownLength = cut.length();
  }

  private static String unit(JobStage stage) {
    return stage == JobStage.GENERATE ? "requests" : "rows";
  }

  private static String name(JobStage stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }
}
