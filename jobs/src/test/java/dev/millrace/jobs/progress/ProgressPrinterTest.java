package dev.millrace.jobs.progress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobStage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressPrinterTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long nanos;

  private ProgressPrinter printer(ProgressStyle style) {
    PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    return new ProgressPrinter(style, err, 80, () -> nanos);
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static JobProgress generate(long done, long resumed, long outputTokens, double seconds) {
    return new JobProgress(
        JobStage.GENERATE, 1000, done, resumed, 2, 9000, 100, outputTokens, 4, 1, seconds);
  }

  /** 100 of 1000 requests kept from an earlier run; 2 s in, 300 more are done. */
  private void run(ProgressPrinter printer) {
    printer.stageStarted(JobStage.GENERATE);
    printer.progressed(generate(100, 100, 500, 0));
    nanos += 31_000_000_000L;
    printer.progressed(generate(400, 100, 6500, 2));
    printer.progressed(generate(401, 100, 6520, 2.01));
    printer.stageFinished(JobStage.GENERATE, 6, false);
  }

  @Test
  void logIsALineNowAndThenAndOneAtTheEnd() {
    run(printer(ProgressStyle.LOG));

    assertEquals(
        """
        generate  400 of 1,000 requests, 2 failed, 3,000 tokens/s, 4.0 s to go
        generate  401 requests, 6.0 s
        """,
        printed());
  }

  @Test
  void barIsRedrawnAndCleanedUp() {
    run(printer(ProgressStyle.BAR));

    String printed = printed();
    assertTrue(printed.contains("\r[#########...............] generate  400 of 1,000"), printed);
    assertTrue(printed.endsWith("\rgenerate  401 requests, 6.0 s\n"), printed);
    for (String line : printed.replace('\r', '\n').lines().toList()) {
      assertTrue(line.length() < 80, line);
    }
  }

  @Test
  void jsonIsOneObjectALine() throws IOException {
    run(printer(ProgressStyle.JSON));

    List<String> lines = printed().lines().toList();
    JsonNode progress = new ObjectMapper().readTree(lines.get(1));
    assertEquals(3, lines.size());
    assertEquals("started", new ObjectMapper().readTree(lines.get(0)).path("event").asText());
    assertEquals("generate", progress.path("stage").asText());
    assertEquals(400, progress.path("rows_done").asLong());
    assertEquals(3000.0, progress.path("tokens_per_second").asDouble());
    assertEquals(4.0, progress.path("seconds_to_go").asDouble());
    assertEquals("finished", new ObjectMapper().readTree(lines.get(2)).path("event").asText());
  }

  @Test
  void noneIsSilentButForWarnings() {
    ProgressPrinter printer = printer(ProgressStyle.NONE);
    run(printer);
    assertEquals("", printed());

    printer.warned("the input has 0 rows");

    assertEquals("Warning: the input has 0 rows\n", printed());
  }

  @Test
  void amountsAreWrittenForPeople() {
    assertEquals("0.0 s", Amounts.text(0));
    assertEquals("10 s", Amounts.text(9.96));
    assertEquals("1 min 00 s", Amounts.text(59.6));
    assertEquals("2 h 07 min", Amounts.text(7620));
    assertEquals("1023 B", Amounts.bytes(1023));
    assertEquals("1.0 KiB", Amounts.bytes(1024));
    assertEquals("100 MiB", Amounts.bytes(104_857_600));
    assertEquals("1,234", Amounts.rate(1234.4));
  }
}
