package dev.millrace.pipeline;

import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Measures what the pipeline costs beside an engine that answers at once: time and processor time
 * per row, peak heap. Arguments: rows, an empty folder, and optionally an input file or folder to
 * take in place of the rows, of which it uses the {@code prompt} column.
 */
final class OverheadMain {
  private OverheadMain() {}

  public static void main(String[] args) throws IOException {
    int rows = Integer.parseInt(args[0]);
    Path folder = Path.of(args[1]);
    Path input = args.length > 2 ? Path.of(args[2]) : write(folder, rows);
    Path output = folder.resolve("out");
    JobSettings settings =
        JobSettings.of(List.of(input.toString()), OutputSettings.to(output))
            .withColumns(Jobs.promptColumn())
            .withAllowedFailures(1);
    JobReport report =
        BatchJob.of(settings, new ScriptedEngineFactory("overhead", 4096, 0, 1024, false)).run();
    double cpu = ProcessHandle.current().info().totalCpuDuration().orElseThrow().toNanos() / 1e9;
    long heap = 0;
    for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
      if (pool.getType() == MemoryType.HEAP) {
        heap += pool.getPeakUsage().getUsed();
      }
    }
    JobReport.Seconds s = report.seconds();
    System.out.printf(
        Locale.ROOT,
        "rows=%d failed=%d wall=%.2fs (stage %.2f, load %.2f, generate %.2f, assemble %.2f)"
            + " cpu=%.2fs wall/row=%.1fus peak heap=%dMiB max heap=%dMiB%n",
        report.rows(),
        report.failed(),
        s.total(),
        s.stage(),
        s.load(),
        s.generate(),
        s.assemble(),
        cpu,
        s.total() * 1e6 / Math.max(1, report.rows()),
        heap >> 20,
        Runtime.getRuntime().maxMemory() >> 20);
    if (args.length == 2) {
      check(output.resolve("rows.jsonl"), rows);
    }
  }

  private static Path write(Path folder, int rows) throws IOException {
    Path input = folder.resolve("rows.jsonl");
    try (BufferedWriter out = Files.newBufferedWriter(input)) {
      for (int i = 0; i < rows; i++) {
        out.write("{\"n\":" + i + ",\"prompt\":\"" + prompt(i) + "\"}\n");
      }
    }
    return input;
  }

  private static String prompt(int row) {
    return "How much is " + row + " plus " + (row * 7919L % 100_003) + "? Answer with a number.";
  }

  private static void check(Path output, int rows) throws IOException {
    try (var lines = Files.lines(output)) {
      int row = 0;
      for (String line : (Iterable<String>) lines::iterator) {
        String start =
            "{\"n\":" + row + ",\"prompt\":\"" + prompt(row) + "\",\"output\":\"echo:<user>";
        if (!line.startsWith(start + prompt(row))) {
          throw new IllegalStateException("row " + row + " is " + line);
        }
        row++;
      }
      if (row != rows) {
        throw new IllegalStateException("expected " + rows + " rows, found " + row);
      }
    }
    System.out.println("output is complete and in input order");
  }
}
