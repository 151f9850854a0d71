package dev.millrace.jobs.evaluate.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.metric.Metrics;
import dev.millrace.jobs.evaluate.metric.Sandbox;
import dev.millrace.jobs.evaluate.metric.UserMetrics;
import dev.millrace.jobs.evaluate.prompt.Item;
import dev.millrace.jobs.evaluate.request.Answer;
import dev.millrace.jobs.evaluate.request.AnswerStore;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.SampleWriter;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskScorerTest {
  private static final String ENGINE = "engine";

  @TempDir private Path folder;

  private static Item item(String id, int instructions) {
    Map<String, Object> row =
        Map.of(
            "instruction_id_list",
            Collections.nCopies(instructions, "punctuation:no_comma"),
            "kwargs",
            Collections.nCopies(instructions, Map.of()));
    ModelRequest request =
        new ModelRequest(new Prompt.Text(id), null, 0, SamplingSettings.greedy());
    return new Item(
        new DataRow(id, row),
        0,
        null,
        id,
        List.of(),
        null,
        List.of(),
        List.of(),
        List.of(),
        null,
        Map.of(),
        null,
        List.of(request));
  }

  private static Answer answer(Item item, List<String> texts, String failure) {
    String key = item.requests().get(0).key(ENGINE);
    return new Answer(key, texts, List.of(), null, 0, null, 1, 1, failure);
  }

  @Test
  void aRowWithoutAnAnswerFollowsNoneOfItsInstructions() throws IOException {
    Item answered = item("answered", 1);
    Item failed = item("failed", 3);
    TaskSpec task =
        EvaluationSpecReader.parse(
                "name: n\nsuites: [{name: s, tasks: [{use: ifeval, data: {path: x}}]}]",
                "n.yaml",
                Path.of(""))
            .suites()
            .get(0)
            .tasks()
            .get(0);
    try (AnswerStore store = AnswerStore.open(folder.resolve("answers"), "2026-11-25");
        UserMetrics users = UserMetrics.of(List.of());
        SampleWriter writer = NightFolder.at(folder.resolve("night")).sampleWriter("t.jsonl")) {
      store.commit(
          List.of(answer(answered, List.of("no comma"), null)).iterator(),
          List.of(answer(failed, List.of(), "too long")).iterator(),
          folder.resolve("failures.jsonl"));
      TaskScorer scorer =
          new TaskScorer(task, ENGINE, store, Metrics.of(task, Sandbox.forbidden(), users), writer);
      scorer.score(answered);
      scorer.score(failed);

      List<MetricValue> figures =
          scorer.result("s", "m", 2, "f", "t.jsonl").figures().stream()
              .map(FigureScores::estimate)
              .toList();
      assertEquals("prompt_level_strict", figures.get(0).name());
      assertEquals(0.5, figures.get(0).score());
      assertEquals("inst_level_strict", figures.get(1).name());
      assertEquals(0.25, figures.get(1).score());
    }
  }
}
