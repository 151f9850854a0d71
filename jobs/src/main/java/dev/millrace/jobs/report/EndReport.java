package dev.millrace.jobs.report;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.request.FailureReason;
import dev.millrace.jobs.memory.MemoryPlot;
import dev.millrace.jobs.memory.MemoryRecord;
import dev.millrace.jobs.memory.Moment;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobReport.OutputFile;
import dev.millrace.pipeline.job.JobReport.Seconds;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What became of a job, for people. */
public final class EndReport {
  private final JobReport report;
  private final ExitCode exitCode;
  private final String workspace;
  private MemoryRecord memory = MemoryRecord.NONE;

  /**
   * A report.
   *
   * @param workspace the model that ran
   */
  public EndReport(JobReport report, ExitCode exitCode, String workspace) {
    this.report = report;
    this.exitCode = exitCode;
    this.workspace = workspace;
  }

  /** The same with what the devices said of their memory. */
  public EndReport withMemory(MemoryRecord record) {
    EndReport report = new EndReport(this.report, exitCode, workspace);
    report.memory = record;
    return report;
  }

  /** Several lines, ending in a line break. */
  public String text() {
    Columns columns = new Columns();
    columns.heading(headline()).gap();
    columns.row("rows", rows());
    for (Map.Entry<FailureReason, Long> failure : report.failures().entrySet()) {
      columns.more(Amounts.count(failure.getValue()) + " failed: " + failure.getKey());
    }
    columns.row("requests", requests());
    columns.row("tokens", tokens());
    columns.row("time", time());
    if (report.engine() != null) {
      engine(columns, report.engine());
    }
    columns.row("model", workspace);
    columns.gap();
    columns.row("output", report.output());
    for (OutputFile file : report.files()) {
      columns.more(
          file.name()
              + "  "
              + Amounts.count(file.rows())
              + " rows, "
              + Amounts.bytes(file.bytes())
              + (file.failuresName() == null ? "" : "; failed rows: " + file.failuresName()));
    }
    columns.more(JsonReport.FILE_NAME);
    if (MemoryPlot.of(memory, report.engine()).isPresent()) {
      columns.more(MemoryPlot.FILE_NAME + "  memory and use of each device over the job");
    }
    return columns.toString();
  }

  private String headline() {
    String answered =
        Amounts.count(report.completed())
            + " of "
            + Amounts.count(report.rows())
            + " rows answered";
    return exitCode == ExitCode.DONE
        ? "Done: " + answered + " in " + Amounts.text(report.seconds().total()) + "."
        : "Finished with more failures than allowed: " + answered + " (exit code 3).";
  }

  private String rows() {
    return Amounts.count(report.rows())
        + " in = "
        + Amounts.count(report.completed())
        + " completed + "
        + Amounts.count(report.failed())
        + " failed";
  }

  private String requests() {
    return Amounts.count(report.requests() - report.resumedRequests())
        + " computed, "
        + Amounts.count(report.duplicates())
        + " answered as duplicates, "
        + Amounts.count(report.resumedRequests())
        + " kept from an earlier run";
  }

  private String tokens() {
    StringBuilder line = new StringBuilder();
    line.append(Amounts.count(report.promptTokens())).append(" in (");
    line.append(Amounts.count(report.cachedTokens())).append(" cached), ");
    line.append(Amounts.count(report.outputTokens())).append(" out");
    EngineStatistics statistics = report.statistics();
    double generate = report.seconds().generate();
    if (statistics != null && statistics.outputTokens() > 0 && generate > 0) {
      line.append("; ")
          .append(Amounts.rate(statistics.outputTokens() / generate))
          .append(" out/s while generating");
    }
    return line.toString();
  }

  private String time() {
    Seconds seconds = report.seconds();
    double rest = rest(seconds);
    return String.format(
        Locale.ROOT,
        "%s = stage %.2f + load %.2f + generate %.2f + assemble %.2f + rest %.2f",
        Amounts.text(seconds.total()),
        seconds.stage(),
        seconds.load(),
        seconds.generate(),
        seconds.assemble(),
        rest);
  }

  /** Starting, checking and writing what the stages do not count. */
  static double rest(Seconds seconds) {
    double named = seconds.stage() + seconds.load() + seconds.generate() + seconds.assemble();
    return Math.max(0, seconds.total() - named);
  }

  private void engine(Columns columns, EngineInfo engine) {
    columns.row(
        "engine",
        engine.backend()
            + ", "
            + engine.ranks()
            + (engine.ranks() == 1 ? " rank" : " ranks")
            + ", up to "
            + engine.sequencesMax()
            + " sequences of "
            + Amounts.count(engine.contextTokensMax())
            + " tokens");
    EngineStatistics statistics = report.statistics();
    if (statistics != null && statistics.steps() > 0) {
      columns.more(
          String.format(
              Locale.ROOT,
              "%,d steps, %.1f sequences a step, %,d preempted; model busy %.2f s, idle %.2f s",
              statistics.steps(),
              (double) statistics.sequenceSteps() / statistics.steps(),
              statistics.preemptions(),
              statistics.modelNanos() / 1e9,
              statistics.idleNanos() / 1e9));
    }
    String label = "memory";
    for (MemoryEntry entry : engine.memory()) {
      columns.row(
          label,
          String.format(
              "%-14s %9s planned, %9s used, on each rank",
              entry.purpose(),
              Amounts.bytes(entry.plannedBytes()),
              Amounts.bytes(entry.usedBytes())));
      label = "";
    }
    devices(columns);
  }

  /** What each device had in use, at each moment that was read. */
  private void devices(Columns columns) {
    if (memory.isEmpty()) {
      return;
    }
    List<DeviceReading> first = memory.moments().get(Moment.AT_LOAD);
    for (int i = 0; i < first.size(); i++) {
      StringBuilder line = new StringBuilder(String.format("%-14s", first.get(i).device()));
      String separator = " ";
      for (Map.Entry<Moment, List<DeviceReading>> moment : memory.moments().entrySet()) {
        line.append(separator)
            .append(Amounts.bytes(moment.getValue().get(i).usedBytes()))
            .append(' ')
            .append(moment.getKey().label().replace('_', ' '));
        separator = ", ";
      }
      columns.row("", line.toString());
    }
    if (first.size() > 1) {
      columns.row("", String.format("%-14s %s at the end", "spread", spread(Moment.END)));
    }
  }

  private String spread(Moment moment) {
    return Amounts.bytes(memory.spread(moment).bytes());
  }
}
