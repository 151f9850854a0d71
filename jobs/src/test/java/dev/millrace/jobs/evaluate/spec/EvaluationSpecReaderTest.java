package dev.millrace.jobs.evaluate.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.evaluate.gate.GateRule;
import dev.millrace.jobs.outcome.CommandException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvaluationSpecReaderTest {
  private static final String TASK =
      """
      name: n
      suites:
        - name: s
          tasks:
            - name: t
              data: {path: rows.jsonl}
              prompt: "{{ question }}"
      """;

  private static EvaluationSpec parse(String yaml) {
    return EvaluationSpecReader.parse(yaml, "n.yaml", Path.of("/data"));
  }

  private static String refusal(String yaml) {
    CommandException refused = assertThrows(CommandException.class, () -> parse(yaml));
    return refused.getMessage() + " | " + refused.remedy();
  }

  @Test
  void aModelMaySayHowItsPromptsAreRead() {
    ModelSpec model =
        parse(
                """
                models:
                  - name: m
                    engine: {tp: 2}
                    parse_special_tokens: true
                    template_variables: {enable_thinking: false, date_string: 26 Nov 2026}
                """
                    + TASK)
            .models()
            .get(0);

    assertEquals(2, model.engine().ranks());
    assertTrue(model.text().parseSpecialTokens());
    assertFalse(parse(TASK).models().get(0).text().parseSpecialTokens());
    assertEquals(
        Map.of("enable_thinking", false, "date_string", "26 Nov 2026"),
        model.text().templateVariables());
    assertEquals(Map.of(), parse(TASK).models().get(0).text().templateVariables());
  }

  @Test
  void aTemplateVariableThatPromptsSetThemselvesIsRefused() {
    String said =
        refusal(
            """
            models:
              - name: m
                template_variables: {messages: x}
            """
                + TASK);

    assertTrue(said.contains("models[0].template_variables: expected names other than"), said);
  }

  @Test
  void defaultsAreWhatTheDocumentationSays() {
    EvaluationSpec spec = parse(TASK);
    TaskSpec task = spec.suites().get(0).tasks().get(0);

    assertEquals("sample", spec.models().get(0).name());
    assertEquals(RequestType.GENERATE, task.request());
    assertTrue(task.chat());
    assertEquals(256, task.sampling().maxTokens());
    assertTrue(task.sampling().isGreedy());
    assertEquals(1, task.repeats());
    assertEquals("exact_match", task.metrics().get(0).name());
    assertEquals(3, task.gate().size());
    assertEquals(List.of("/data/rows.jsonl"), task.data().inputs());
    assertEquals(0, spec.recheckShare());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "        promt: x             | Unknown key 'suites[0].tasks[0].promt' (n.yaml, line 8, column 9) | Did you mean 'prompt'?",
        "        repeats: 0           | suites[0].tasks[0].repeats: expected a whole number from 1 to 1000, found '0' (n.yaml, line 8, column 18)",
        "        request: multi       | expected one of generate, multiple_choice, perplexity, found 'multi' (n.yaml, line 8, column 18)",
        "        request: multiple_choice | A multiple_choice task needs 'choices' (n.yaml, line 5, column 9)",
        "        sampling: {top_p: 2} | sampling.top_p: expected above 0, at most 1 (off), found 2.0; correct it (n.yaml, line 8, column 19)",
        "        sampling: {topp: 1}  | Unknown key 'suites[0].tasks[0].sampling.topp' (n.yaml, line 8, column 20) | Did you mean 'top_p'?",
        "        use: gsm9k           | expected a ready task (arc, boolq, boolq_passage, gsm8k, humaneval, ifeval, mmlu, openbookqa, piqa, siqa, wikitext, winogrande), found 'gsm9k' (n.yaml, line 8, column 14)",
        "        data: {}             | Key 'data' stands twice (n.yaml, line 8, column 9)",
        "        metrics: {a: {}, b: {}} | expected one metric, written 'name' or 'name: {option: value}'",
        "        extract: regex       | expected 'regex: ...' with what to look for, found 'regex' (n.yaml, line 8, column 18)",
        "        few_shot: {seed: 1}  | Expected 'k' or 'examples' in few_shot (n.yaml, line 8, column 19)",
        "        chat: [true          | Expected YAML, found: expected ',' or ']'"
      })
  void mistakesAreNamedWithLineAndColumn(String line, String expected) {
    String said = refusal(TASK + " ".repeat(8) + line.strip() + "\n");

    for (String part : expected.split(" \\| ", -1)) {
      assertTrue(said.contains(part.strip()), said);
    }
  }

  @Test
  void aReadyTaskIsLaidUnderWhatTheSpecSays() {
    EvaluationSpec spec =
        parse(
            """
            name: n
            seed: 7
            suites:
              - name: s
                tags: [a]
                gate: [fail if score < 10%]
                tasks:
                  - use: gsm8k
                    data: {path: x.jsonl}
                    few_shot: {k: 2}
            """);
    TaskSpec task = spec.suites().get(0).tasks().get(0);

    assertEquals("gsm8k", task.name());
    assertEquals(2, task.fewShot().k());
    assertEquals("{{ answer }}", task.fewShot().answer().text());
    assertEquals(7, task.fewShot().seed());
    assertEquals("final", task.data().columns().get(0).name());
    assertEquals("MIT", task.license());
    assertEquals(List.of("a"), task.tags());
    assertEquals("fail if score < 10%", task.gate().get(0).text());
  }

  @Test
  void everyReadyTaskIsAValidSpecWithProvenanceAndLicence() {
    for (String name : ReadyTasks.names()) {
      TaskSpec task =
          parse("name: n\nsuites: [{name: s, tasks: [{use: " + name + ", data: {path: x.jsonl}}]}]")
              .suites()
              .get(0)
              .tasks()
              .get(0);
      assertTrue(task.provenance().length() > 10, name);
      assertTrue(task.license().length() > 2, name);
    }
  }

  @Test
  void aMistakeInsideAReadyTaskNamesThatTask() {
    String said = refusal("name: n\nsuites: [{name: s, tasks: [{use: arc}]}]").replace('\n', ' ');

    assertTrue(said.contains("'suites[0].tasks[0].data.path'"), said);
    assertTrue(said.contains("ready task arc, line "), said);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fail if scores < 1          | expected a figure, found 'scores' (n.yaml, line 9, column 17)",
        "pass if score < 1           | expected fail or warn, found 'pass'",
        "fail if score <             | expected a figure or a number, found the end",
        "fail if score < 1 xor p < 1 | expected and, or, or the end, found 'xor'",
        "fail if score < 1; drop     | expected a rule, found '; drop'",
        "warn if undetectable score  | expected a number after undetectable, found 'score'"
      })
  void gateRulesThatAreNoneAreRefused(String rule, String expected) {
    PlacedText text = new PlacedText("gate[0]", rule.strip(), new Place("n.yaml", 9, 17));

    String said = assertThrows(CommandException.class, () -> GateRule.compile(text)).getMessage();

    assertTrue(said.contains(expected.strip()), said);
  }
}
