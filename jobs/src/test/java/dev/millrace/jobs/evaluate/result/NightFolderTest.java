package dev.millrace.jobs.evaluate.result;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NightFolderTest {
  private static final Instant BEGAN = Instant.parse("2026-11-25T02:00:00.250Z");

  @TempDir Path folder;

  @Test
  void aNightReadsBackAsItWasWritten() throws IOException {
    NightFolder night = EvaluationFolder.at(folder).night(EvaluationFolder.nightId(BEGAN));
    NightResult result = night(task("s", "t"));

    night.write(result);

    assertTrue(night.isFinished());
    assertEquals(result, night.read());
    assertEquals("20261125T020000Z", night.path().getFileName().toString());
    assertTrue(Files.readString(night.path().resolve("night.json")).contains("\"standard_error\""));
  }

  @Test
  void samplesReadBackInOrderWithMissingExtractionsAndHostileTexts() throws IOException {
    NightFolder night = NightFolder.at(folder);
    TaskResult task = task("s", "t/../../x");
    SampleResult first = sample("1", "<script>\u001b[31m{{x}}\u2028\n\"");
    SampleResult second = sample("2", "b".repeat(1 << 20));

    try (SampleWriter writer = night.sampleWriter(task.samplesFile())) {
      writer.write(first);
      writer.write(second);
      writer.commit();
    }

    try (SampleReader reader = night.samples(task)) {
      assertEquals(first, reader.next());
      assertEquals(second, reader.next());
      assertNull(reader.next());
    }
  }

  @Test
  void samplesThatAreNotCommittedLeaveNothing() throws IOException {
    NightFolder night = NightFolder.at(folder);
    String file = NightFolder.samplesFile("m", "s", "t");

    try (SampleWriter writer = night.sampleWriter(file)) {
      writer.write(sample("1", "a"));
    }

    try (var left = Files.list(folder.resolve(file).getParent())) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void aBrokenSampleLineIsNamed() throws IOException {
    Files.writeString(folder.resolve("x.jsonl"), "\n");

    try (SampleReader reader = NightFolder.at(folder).samples("x.jsonl")) {
      String message = assertThrows(IOException.class, reader::next).getMessage();
      assertTrue(message.contains("x.jsonl, line 1"), message);
    }
  }

  @Test
  void aNameThatLeadsOutOfTheFolderIsRefused() {
    assertThrows(IOException.class, () -> NightFolder.at(folder).samples("../night.json"));
  }

  @Test
  void differentNamesGiveDifferentFiles() {
    assertEquals("gsm8k", NightFolder.fileName("gsm8k"));
    assertNotEquals(NightFolder.fileName("a/b"), NightFolder.fileName("a.b"));
    assertFalse(NightFolder.fileName("../x").contains("."));
    assertThrows(IllegalArgumentException.class, () -> NightFolder.fileName(""));
  }

  @Test
  void nightsAreListedOldestFirstAndTheNewestFinishedIsFound() throws IOException {
    EvaluationFolder evaluation = EvaluationFolder.at(folder);
    assertEquals(List.of(), evaluation.nights());
    for (String id : List.of("20261125T020000Z", "20261123T020000Z", "20261124T020000Z")) {
      Files.createDirectories(evaluation.night(id).path());
    }
    evaluation.night("20261124T020000Z").write(night(task("s", "t")));

    assertEquals(
        List.of("20261123T020000Z", "20261124T020000Z", "20261125T020000Z"),
        evaluation.nights().stream().map(n -> n.path().getFileName().toString()).toList());
    assertEquals(
        evaluation.night("20261124T020000Z").path(),
        evaluation.newestFinished().orElseThrow().path());
  }

  private static SampleResult sample(String id, String text) {
    return new SampleResult(
        "t",
        id,
        0,
        null,
        null,
        List.of(new SampleMessage("user", text)),
        List.of(text, "x"),
        Arrays.asList(text, null),
        "42",
        List.of(),
        List.of(new ChoiceScore(" a", -1.25, 1, 1, true)),
        0,
        0,
        Map.of("exact_match", 1.0),
        Map.of(),
        7L,
        3,
        2,
        List.of("STOP", "LENGTH"),
        false,
        "key",
        null);
  }

  private static TaskResult task(String suite, String name) {
    return new TaskResult(
        suite,
        name,
        "m",
        List.of("quick"),
        "generate",
        new MetricValue("exact_match", true, 0.1 + 0.2, 0.05, new Interval(0.2, 0.4)),
        List.of(new MetricValue("f1", true, null, null, null)),
        10,
        1,
        1,
        0L,
        3,
        100,
        20,
        "data.jsonl",
        "ab",
        null,
        "MIT",
        NightFolder.samplesFile("m", suite, name),
        new BaselineComparison(
            "20261124T020000Z",
            0.3,
            10,
            0,
            0.0,
            new Interval(-0.1, 0.1),
            "mcnemar-exact",
            1,
            1,
            0.2,
            1,
            1),
        new GateOutcome(
            Verdict.PASS, List.of(new GateOutcome.Rule("fail if x", Verdict.PASS, "It held."))));
  }

  private static NightResult night(TaskResult task) {
    JobTotals job =
        new JobTotals(10, 2, 7, 1, 100, 10, 20, 0.1, 0.2, 1, 0.1, 0.1, 2, 20, 120, 0.01, "EUR");
    EngineTotals engine =
        new EngineTotals(
            "cpu", 2, 64, 2048, List.of(new RankMemory("weights", 5, 5)), 4, 2.5, 120, 0.9, 0.1);
    return new NightResult(
        NightResult.VERSION,
        "20261125T020000Z",
        "nightly",
        "00ff",
        "millrace 0.1.0",
        BEGAN,
        BEGAN.plusSeconds(60),
        Verdict.PASS,
        "Passed.",
        null,
        List.of(new ModelRun("m", "ws", "f", "ef", job, engine)),
        List.of(task));
  }
}
