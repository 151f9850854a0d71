package dev.millrace.jobs.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Log-likelihoods of ready tasks against those of transformers in float32. */
class EvaluationGoldenTest {
  private static final double TOLERANCE = 1e-3;

  @TempDir private Path folder;

  @Test
  void choicesAndTextsHaveTheLogLikelihoodsOfTransformers() throws IOException {
    String data = RepositoryFiles.sampleData("evaluation").toString();
    StringBuilder yaml = new StringBuilder("name: golden\nsuites:\n  - name: s\n    tasks:\n");
    for (String task : new String[] {"arc", "piqa", "siqa", "winogrande"}) {
      yaml.append(
          "      - {use: %s, data: {path: %s/%s.jsonl, limit: 20}}\n".formatted(task, data, task));
    }
    yaml.append(
        "      - {use: wikitext, data: {path: %s/wikitext.txt, limit: 2}, window: 256}\n"
            .formatted(data));
    Path spec = Files.writeString(folder.resolve("golden.yaml"), yaml);

    CommandLineRun run =
        CommandLineRun.millrace(
            folder.resolve("cache"),
            "evaluate",
            spec.toString(),
            "-o",
            folder.resolve("out").toString());

    assertEquals(0, run.exitCode(), run.all());
    JsonNode golden =
        new ObjectMapper()
            .readTree(RepositoryFiles.sampleData("golden/evaluation-tiny-qwen2.5.json").toFile());
    NightFolder night = EvaluationFolder.at(folder.resolve("out")).newestFinished().orElseThrow();
    int choices = 0;
    for (TaskResult task : night.read().tasks()) {
      try (SampleReader reader = night.samples(task)) {
        for (JsonNode row : golden.get(task.task())) {
          SampleResult sample = reader.next();
          String where = task.task() + " " + sample.rowId();
          choices +=
              row.isArray() ? assertChoices(row, sample, where) : assertText(row, sample, where);
        }
      }
    }
    assertEquals(20 * (2 + 2 + 3) + 80, choices, 2, "choices compared"); // one row of arc has three
  }

  private static int assertChoices(JsonNode row, SampleResult sample, String where) {
    assertEquals(row.size(), sample.choices().size(), where);
    int best = 0;
    for (int i = 0; i < row.size(); i++) {
      ChoiceScore choice = sample.choices().get(i);
      assertEquals(
          row.get(i).asDouble(), choice.logLikelihood(), TOLERANCE, where + " choice " + i);
      best = row.get(i).asDouble() > row.get(best).asDouble() ? i : best;
    }
    assertEquals(best, sample.chosenIndex(), where);
    return row.size();
  }

  /** A text has thousands of tokens: the bound is for each of them, as for the choices. */
  private static int assertText(JsonNode row, SampleResult sample, String where) {
    double tokens = sample.weights().get("token_perplexity");
    assertEquals(row.get("tokens").asDouble(), tokens, where);
    assertEquals(
        row.get("log_likelihood").asDouble() / tokens,
        sample.metrics().get("token_perplexity") / tokens,
        TOLERANCE / 100,
        where);
    return 0;
  }
}
