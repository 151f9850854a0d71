package dev.millrace.jobs.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole nights on the sample model. */
class NightTest {
  /** Shared, so that each model is converted once. */
  @TempDir private static Path cache;

  @TempDir private Path folder;

  private Path spec(Path model, String rest) throws IOException {
    String data = RepositoryFiles.sampleData("").toString();
    String yaml =
        """
        name: small
        models: [{name: tiny, model: MODEL}]
        suites:
          - name: own
            tasks:
              - name: skills
                data: {path: DATA/prompts.parquet, id: id, limit: 60}
                prompt: "{{ prompt }}"
                target: "{{ expected }}"
                sampling: {max_tokens: 64}
                gate: [fail if change < 0 and adjusted_p < 0.05, fail if flaky > 0]
              - {use: piqa, data: {path: DATA/evaluation/piqa.jsonl, limit: 5}}
              - {use: wikitext, data: {path: DATA/evaluation/wikitext.txt, limit: 1}, window: 256}
        """;
    return Files.writeString(
        folder.resolve("small.yaml"),
        yaml.replace("MODEL", model.toString()).replace("DATA", data) + rest);
  }

  private CommandLineRun evaluate(Path spec, String... more) {
    List<String> arguments = new ArrayList<>(List.of("evaluate", spec.toString()));
    arguments.addAll(List.of("--output", folder.resolve("out").toString()));
    arguments.addAll(List.of(more));
    return CommandLineRun.millrace(cache, arguments.toArray(String[]::new));
  }

  private NightResult newest() throws IOException {
    Optional<NightFolder> night = EvaluationFolder.at(folder.resolve("out")).newestFinished();
    return night.orElseThrow().read();
  }

  private static Path sampleModel() {
    return RepositoryFiles.sampleData("models/tiny-qwen2.5");
  }

  @Test
  void aNightIsAcceptedRepeatedFromTheCacheAndADamagedModelFailsIt() throws IOException {
    Path spec = spec(sampleModel(), "");

    CommandLineRun first = evaluate(spec);
    assertEquals(0, first.exitCode(), first.all());
    NightResult night = newest();
    assertEquals(Verdict.PASS, night.verdict());
    assertTrue(night.tasks().get(0).metric().score() > 0.9, first.out());
    assertEquals(0, night.models().get(0).job().reusedRequests());

    String out = folder.resolve("out").toString();
    CommandLineRun accepted =
        CommandLineRun.millrace(cache, "baseline", "accept", night.nightId(), "-o", out);
    assertEquals(0, accepted.exitCode(), accepted.all());
    CommandLineRun unknown =
        CommandLineRun.millrace(cache, "baseline", "accept", "2001-01-01", "-o", out);
    assertEquals(2, unknown.exitCode(), unknown.all());

    CommandLineRun second = evaluate(spec);
    assertEquals(0, second.exitCode(), second.all());
    NightResult reused = newest();
    assertEquals(0, reused.models().get(0).job().computedRequests(), second.out());
    assertEquals(0.0, reused.tasks().get(0).baseline().change());
    assertEquals(night.tasks().get(0).metric(), reused.tasks().get(0).metric());

    CommandLineRun anew = evaluate(spec, "--no-reuse");
    assertEquals(0, anew.exitCode(), anew.all());
    for (TaskResult task : newest().tasks()) {
      assertEquals(0L, task.flakyRows(), task.task());
    }

    Path damaged = DamagedModel.copy(sampleModel(), folder.resolve("damaged"));
    CommandLineRun third = evaluate(spec(damaged, ""));
    assertEquals(5, third.exitCode(), third.all());
    assertTrue(third.out().startsWith("Failed in 1 of 3 tasks: own/skills on tiny."), third.out());
    NightResult failed = newest();
    assertEquals(Verdict.FAIL, failed.tasks().get(0).gate().verdict());
    assertTrue(failed.tasks().get(0).baseline().worse() > 6);
  }

  private Path twoModels(String first, String second) throws IOException {
    return Files.writeString(
        folder.resolve("two.yaml"),
        """
        name: two
        models:
          - {name: first, FIRST}
          - {name: second, SECOND}
        suites:
          - name: both
            tasks:
              - name: skills
                data: {path: DATA/prompts.parquet, id: id, limit: 30}
                prompt: "{{ prompt }}"
                target: "{{ expected }}"
                sampling: {max_tokens: 64}
          - name: one
            models: [second]
            tasks:
              - {use: piqa, data: {path: DATA/evaluation/piqa.jsonl, limit: 5}}
        """
            .replace("FIRST", first)
            .replace("SECOND", second)
            .replace("DATA", RepositoryFiles.sampleData("").toString()));
  }

  private static String name(TaskResult task) {
    return task.model() + " " + task.suite() + "/" + task.task();
  }

  @Test
  void severalModelsHaveTheirOwnRowsBaselinesAndGates() throws IOException {
    Path workspace = folder.resolve("workspace");
    CommandLineRun converted =
        CommandLineRun.millrace(
            cache,
            "convert",
            "--checkpoint",
            sampleModel().toString(),
            "--output",
            workspace.toString());
    assertEquals(0, converted.exitCode(), converted.all());
    String kept = "workspace: " + workspace;
    String out = folder.resolve("out").toString();
    CommandLineRun first = evaluate(twoModels(kept, "model: " + sampleModel()));
    assertEquals(0, first.exitCode(), first.all());
    assertEquals(0, CommandLineRun.millrace(cache, "baseline", "accept", "-o", out).exitCode());

    Path damaged = DamagedModel.copy(sampleModel(), folder.resolve("damaged"));
    CommandLineRun run = evaluate(twoModels(kept, "model: " + damaged));

    assertEquals(5, run.exitCode(), run.all());
    assertTrue(run.out().startsWith("Failed in 1 of 3 tasks: both/skills on second."), run.out());
    NightResult night = newest();
    assertEquals(
        List.of("first both/skills", "second both/skills", "second one/piqa"),
        night.tasks().stream().map(NightTest::name).toList());
    assertEquals(List.of("first", "second"), night.models().stream().map(m -> m.name()).toList());
    TaskResult same = night.tasks().get(0);
    assertEquals(0.0, same.baseline().change());
    assertEquals(30L, same.baseline().pairedRows());
    assertEquals(Verdict.PASS, same.gate().verdict());
    TaskResult worse = night.tasks().get(1);
    assertTrue(worse.baseline().change() < -0.2, run.out());
    assertEquals(Verdict.FAIL, worse.gate().verdict());
    // the first is known from the accepted night, the second is another model: asked anew
    assertEquals(0, night.models().get(0).job().computedRequests());
    assertEquals(0, night.models().get(1).job().reusedRequests());
    NightFolder files = EvaluationFolder.at(folder.resolve("out")).newestFinished().orElseThrow();
    for (TaskResult task : night.tasks()) {
      try (SampleReader samples = files.samples(task)) {
        int rows = 0;
        while (samples.next() != null) {
          rows++;
        }
        assertEquals(task.rows(), rows, name(task));
      }
    }
    String page = Files.readString(files.path().resolve("report.html"));
    assertTrue(page.contains("first") && page.contains("second"));
    List<String> lines = Files.readAllLines(files.path().resolve("tasks.csv"));
    assertEquals(4, lines.size(), lines.toString());
    assertTrue(Files.isDirectory(files.path().resolve("lm-eval/first")));
    assertTrue(Files.isDirectory(files.path().resolve("lm-eval/second")));
  }

  @Test
  void aNightThatWasCutOffGoesOnAndGivesTheSameResult() throws IOException {
    Path spec = spec(sampleModel(), "");
    assertEquals(0, evaluate(spec, "--keep-work-files").exitCode());
    NightResult whole = newest();
    NightFolder night = EvaluationFolder.at(folder.resolve("out")).newestFinished().orElseThrow();
    // as after a kill between the jobs and the verdict: the answers of the jobs are there, and
    // neither the kept ones nor the samples nor the verdict
    Files.delete(night.path().resolve(NightFolder.NIGHT_FILE));
    deleteAll(night.path().resolve(NightFolder.SAMPLES_FOLDER));
    deleteAll(folder.resolve("out/answers"));
    Path record = night.path().resolve("run.json");
    ObjectMapper json = new ObjectMapper();
    ObjectNode running = (ObjectNode) json.readTree(record.toFile());
    running.put("state", "running").remove(List.of("verdict", "exit_code", "summary", "tasks"));
    json.writeValue(record.toFile(), running);

    CommandLineRun again = evaluate(spec);

    assertEquals(0, again.exitCode(), again.all());
    assertTrue(
        again.err().contains("Night " + whole.nightId() + " goes on where it was cut off."),
        again.err());
    NightResult resumed = newest();
    assertEquals(whole.nightId(), resumed.nightId());
    assertEquals(whole.started(), resumed.started());
    assertEquals(whole.tasks(), resumed.tasks());
    assertEquals(whole.verdict(), resumed.verdict());
    assertFalse(Files.exists(night.path().resolve(NightFolder.WORK_FOLDER)));
  }

  private static void deleteAll(Path root) throws IOException {
    try (var files = Files.walk(root)) {
      for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void hostileRowsAreAskedAsTheyStandAndPrintedInert() throws IOException {
    String hostile =
        "<script>alert(1)</script> {{ 7 * 7 }} {% raw %} \u001b[31mred\u001b]0;x\u0007";
    StringBuilder rows = new StringBuilder();
    String hidden = "\u0000 \u202egnp.exe\u2066 \u200b\ufeff \ud800 \u009b31m \b\u007f";
    List<String> texts =
        List.of(
            hostile,
            "x".repeat(1 << 20),
            "<|im_start|>system",
            hidden,
            "=cmd|' /C calc'!A0",
            "+1,\"2\"\n@3");
    for (String text : texts) {
      rows.append(
              new com.fasterxml.jackson.databind.ObjectMapper()
                  .createObjectNode()
                  .put("q\u001b[2J", text)
                  .put("question", text)
                  .toString())
          .append('\n');
    }
    String json = rows.toString().replace("\ud800", "\\ud800"); // half a pair, as JSON may hold it
    Files.writeString(folder.resolve("hostile.jsonl"), json);
    Path spec =
        Files.writeString(
            folder.resolve("hostile.yaml"),
            """
            name: hostile
            suites:
              - name: s
                tasks:
                  - name: t
                    data: {path: hostile.jsonl}
                    prompt: "{{ question }}"
                    target: "{{ question }}"
                    sampling: {max_tokens: 4}
                    allowed_failures: 0.5
            """);

    CommandLineRun run = evaluate(spec);

    assertEquals(0, run.exitCode(), run.all());
    assertEquals(1, newest().tasks().get(0).failures(), "the row of 1 MB does not fit the model");
    NightFolder night = EvaluationFolder.at(folder.resolve("out")).newestFinished().orElseThrow();
    try (SampleReader samples = night.samples(newest().tasks().get(0))) {
      SampleResult sample = samples.next();
      assertEquals(hostile, sample.messages().get(0).content());
    }
    for (String file : List.of("report.html", "rows.csv", "tasks.csv", "junit.xml")) {
      String text = Files.readString(night.path().resolve(file));
      assertTrue(
          text.codePoints()
              .noneMatch(c -> (c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x9b),
          file);
      assertTrue(text.codePoints().noneMatch(c -> c >= 0x202a && c <= 0x202e), file);
    }
    String page = Files.readString(night.path().resolve("report.html"));
    assertEquals(1, page.split("<script", -1).length - 1, "scripts of the page");
    assertTrue(
        page.contains("&lt;script&gt;alert(1)") && page.contains("⟨U+202E⟩gnp.exe"), "shown");
    String cells = Files.readString(night.path().resolve("rows.csv"));
    assertTrue(cells.contains(",\"'=cmd|' /C calc'!A0\","), "a formula is text");
    assertTrue(cells.contains(",\"'+1,\"\"2\"\"\n@3\","), "quotes and breaks stay in their cell");
    String mistyped = Files.readString(spec).replace("{{ question }}", "{{ quostion }}");
    CommandLineRun refused = evaluate(Files.writeString(spec, mistyped));
    assertEquals(2, refused.exitCode());
    assertTrue(refused.err().contains("hostile.yaml, line 7, column"), refused.err());
    assertFalse((run.all() + refused.all()).contains("\u001b"), "no escape reaches the terminal");
  }

  @Test
  void checkPrintsThePlanAndLeavesNothing() throws IOException {
    CommandLineRun run = evaluate(spec(sampleModel(), ""), "--check");

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().contains("own/skills: 60 rows, generate, exact_match"), run.out());
    assertTrue(run.out().matches("(?s).*tokens +[0-9,]+ in .*"), run.out());
    assertTrue(run.out().contains("on each of 1 ranks"), run.out());
    assertFalse(Files.exists(folder.resolve("out")));
  }

  @Test
  void aMetricThatRunsModelOutputIsRefusedUnlessAllowed() throws IOException {
    String task =
        "      - {use: humaneval, data: {path: "
            + RepositoryFiles.sampleData("evaluation/humaneval.jsonl")
            + "}}\n";

    CommandLineRun run = evaluate(spec(sampleModel(), task), "--check");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("--allow-execution"), run.err());
  }

  @Test
  void rowsThatAMetricCannotJudgeAreRefusedBeforeAnythingIsAsked() throws IOException {
    Path data = folder.resolve("rows.jsonl");
    String task = "      - {use: ifeval, data: {path: " + data + "}}\n";
    for (String row :
        List.of(
            "{'key': 7, 'prompt': 'q'}",
            "{'key': 7, 'prompt': 'q', 'instruction_id_list': ['x:y'], 'kwargs': [{}]}",
            "{'key': 7, 'prompt': 'q', 'instruction_id_list': ['keywords:existence'], 'kwargs': [{}]}")) {
      Files.writeString(data, row.replace('\'', '"') + "\n");

      CommandLineRun run = evaluate(spec(sampleModel(), task), "--check");

      assertEquals(2, run.exitCode(), run.all());
      assertTrue(run.err().contains("ifeval: row 7: ifeval: "), run.err());
    }
  }
}
