package dev.millrace.jobs.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.request.FailureReason;
import dev.millrace.jobs.memory.MemoryRecord;
import dev.millrace.jobs.memory.Moment;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobReport.OutputFile;
import dev.millrace.pipeline.job.JobReport.Seconds;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.job.StagePlan.Distribution;
import dev.millrace.pipeline.job.StagePlan.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportsTest {
  private static final StagePlan PLAN =
      new StagePlan(
          List.of(new InputFile("rows.parquet", "/in/rows.parquet", "parquet", 4096, 1003)),
          1003,
          Map.of(FailureReason.PROMPT_NULL, 3L),
          900,
          100,
          1,
          45_000,
          12_800,
          57_600,
          319,
          2048,
          new Distribution(12, 50, 80, 120, 255),
          false);
  private static final MemoryEntry WEIGHTS = new MemoryEntry("weights", 11 << 20, 11 << 20);

  private static JobReport report(long failed, double allowed) {
    return new JobReport(
        1003,
        1003 - failed,
        failed == 0 ? Map.of() : Map.of(FailureReason.PROMPT_NULL, failed),
        900,
        100,
        17,
        45_000,
        12_000,
        30_000,
        new Seconds(0.5, 0.25, 8, 0.25, 10),
        List.of(new OutputFile("rows.parquet", 1003, failed, 5000, "ab".repeat(32), null)),
        "/out",
        allowed,
        PLAN,
        new EngineInfo("f".repeat(64), "cpu-vector", 2, 2048, 64, 250_000_000, List.of(WEIGHTS)),
        new EngineStatistics(
            883, 44_000, 12_000, 60_000, 29_000, 500, 25_000, 1, 7_500_000_000L, 1_000));
  }

  @Test
  void endReportNamesRowsTokensTimeMemoryAndPlaces() {
    String text = new EndReport(report(3, 0.01), ExitCode.DONE, "/ws").text();

    assertEquals(
        """
        Done: 1,000 of 1,003 rows answered in 10 s.

          rows        1,003 in = 1,000 completed + 3 failed
                      3 failed: PROMPT_NULL
          requests    883 computed, 100 answered as duplicates, 17 kept from an earlier run
          tokens      45,000 in (12,000 cached), 30,000 out; 3,625 out/s while generating
          time        10 s = stage 0.50 + load 0.25 + generate 8.00 + assemble 0.25 + rest 1.00
          engine      cpu-vector, 2 ranks, up to 64 sequences of 2,048 tokens
                      500 steps, 50.0 sequences a step, 1 preempted; model busy 7.50 s, idle 0.00 s
          memory      weights         11.0 MiB planned,  11.0 MiB used, on each rank
          model       /ws

          output      /out
                      rows.parquet  1,003 rows, 4.9 KiB
                      report.json
        """,
        text);
  }

  /** Two GPUs, one 10 MiB fuller at the end. */
  private static MemoryRecord devices() {
    Map<Moment, List<DeviceReading>> moments = new EnumMap<>(Moment.class);
    Map<Moment, Long> used =
        Map.of(
            Moment.BEFORE, 1L,
            Moment.AT_LOAD, 60L,
            Moment.PEAK, 61L,
            Moment.END, 61L,
            Moment.AFTER_CLOSE, 1L);
    for (Moment moment : Moment.values()) {
      long gib = used.get(moment) << 30;
      long more = moment == Moment.END ? 10L << 20 : 0;
      moments.put(
          moment,
          List.of(
              new DeviceReading("GPU 0", List.of(0), gib, 80L << 30, 0, 0.9),
              new DeviceReading("GPU 1", List.of(1), gib + more, 80L << 30, 0, 0.9)));
    }
    return new MemoryRecord(moments, List.of(), List.of());
  }

  @Test
  void endReportTellsWhatEachDeviceHadInUse() {
    String text = new EndReport(report(3, 0.01), ExitCode.DONE, "/ws").withMemory(devices()).text();

    assertTrue(
        text.contains(
            """
                          GPU 0          1.0 GiB before, 60.0 GiB at load, 61.0 GiB peak, 61.0 GiB end, 1.0 GiB after close
                          GPU 1          1.0 GiB before, 60.0 GiB at load, 61.0 GiB peak, 61.0 GiB end, 1.0 GiB after close
                          spread         10.0 MiB at the end
            """),
        text);
  }

  @Test
  void jsonReportTellsWhatEachDeviceHadInUse(@TempDir Path folder) throws IOException {
    new JsonReport(report(3, 0.01), ExitCode.DONE, "/ws", "millrace 0.1.0")
        .withMemory(devices())
        .writeTo(folder);

    JsonNode json = new ObjectMapper().readTree(folder.resolve(JsonReport.FILE_NAME).toFile());
    assertEquals(11L << 20, json.at("/memory/planned_bytes_per_rank").asLong());
    assertEquals(60L << 30, json.at("/memory/devices/1/used_bytes/at_load").asLong());
    assertEquals(10L << 20, json.at("/memory/spread/end").asLong());
    assertEquals(0, json.at("/memory/spread/after_close").asLong());
  }

  @Test
  void tooManyFailuresAreTheHeadline() {
    String text = new EndReport(report(3, 0), ExitCode.FAILED_ROWS, "/ws").text();

    assertTrue(
        text.startsWith("Finished with more failures than allowed: 1,000 of 1,003 rows"), text);
  }

  @Test
  void jsonReportSaysTheSameToPrograms(@TempDir Path folder) throws IOException {
    new JsonReport(report(3, 0.01), ExitCode.DONE, "/ws", "millrace 0.1.0").writeTo(folder);

    JsonNode json = new ObjectMapper().readTree(folder.resolve(JsonReport.FILE_NAME).toFile());
    assertEquals(
        json.at("/rows/in").asLong(),
        json.at("/rows/completed").asLong() + json.at("/rows/failed").asLong());
    assertEquals(3, json.at("/rows/failures/PROMPT_NULL").asLong());
    assertEquals(3625.0, json.at("/tokens/output_per_second").asDouble());
    assertEquals(1.0, json.at("/seconds/rest").asDouble());
    assertEquals(50.0, json.at("/engine/counters/sequences_per_step").asDouble());
    assertEquals(11 << 20, json.at("/engine/memory_per_rank/0/used_bytes").asLong());
    assertEquals("f".repeat(64), json.at("/model/fingerprint").asText());
    assertTrue(json.at("/files/0/failures_file").isNull());
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void planNamesTokensMemoryTimeAndWhatOtherRanksCost() {
    MemoryEntry cache = new MemoryEntry("kv-cache", 3 << 20, 0);
    MemoryForecast two = new MemoryForecast(2, List.of(WEIGHTS, cache), null, 12_288);
    MemoryForecast one =
        new MemoryForecast(1, List.of(new MemoryEntry("weights", 22 << 20, 0)), null);
    MemoryForecast three = new MemoryForecast(3, List.of(), "3 does not divide 8 query heads");

    String text =
        new PlanReport(
                PLAN,
                two,
                List.of(one, three),
                Optional.of(new TimeForecast(12, 34, "as fast as the last run")),
                false)
            .text();

    assertEquals(
        """
        Plan; nothing was generated.

          rows        1,003 in 1 file; 3 failed already
                      3 failed: PROMPT_NULL
          requests    900 to compute in 1 chunk, 100 rows are duplicates
          tokens in   45,000, of which 12,800 in shared prefixes
                      prompts: shortest 12, median 50, 90 % up to 80, 99 % up to 120, longest 255
          tokens out  at most 57,600
          longest     319 of the model's 2,048 tokens
          memory      weights          11.0 MiB on each of 2
                      kv-cache          3.0 MiB on each of 2, 12,288 tokens
                      total            14.0 MiB, 28.0 MiB over all ranks
          time        about 12 s, at most 34 s
                      as fast as the last run

        Other rank counts:

          tp               each rank       all ranks
          1                 22.0 MiB        22.0 MiB
          3           3 does not divide 8 query heads

        It fits. On the CPU ranks share the cores, and more of them make no job faster.
        """,
        text);
  }

  @Test
  void planForGpusSaysNothingOfTheCpu() {
    MemoryForecast chosen = new MemoryForecast(1, List.of(WEIGHTS), null);

    String text = new PlanReport(PLAN, chosen, List.of(), Optional.empty(), true).text();

    assertTrue(text.endsWith("\nIt fits.\n"), text);
  }

  @Test
  void planThatDoesNotFitSaysWhyAndNothingThatIsNotKnown() {
    MemoryForecast chosen = new MemoryForecast(1, List.of(), "KV cache: too large");

    String text = new PlanReport(PLAN, chosen, List.of(), Optional.empty(), false).text();

    assertTrue(text.endsWith("It does not fit: KV cache: too large (exit code 4).\n"), text);
    assertFalse(text.contains("memory  "), text);
    assertFalse(text.contains("time  "), text);
  }
}
