package dev.millrace.jobs.evaluate.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.evaluate.extract.Extractor;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.evaluate.spec.ExtractSpec;
import dev.millrace.jobs.evaluate.spec.MetricSpec;
import dev.millrace.jobs.evaluate.spec.Place;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.evaluate.template.BoundedPattern;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MetricsTest {
  private static final Place HERE = new Place("n.yaml", 1, 1);

  private static JudgedSample sample(String target, String... extracted) {
    return new JudgedSample(
        Map.of(),
        "q",
        Arrays.stream(extracted).map(e -> e == null ? "" : e).toList(),
        Arrays.asList(extracted),
        target,
        List.of("other"),
        List.of(),
        null,
        0,
        Map.of());
  }

  private static Options options(Map<String, Object> values) {
    return new Options(new MetricSpec("m", values, HERE));
  }

  @ParameterizedTest
  @CsvSource({
    "' 42 ', 42, strip, 1",
    "42., 42, strip, 0",
    "42., 42, final_dot, 1",
    "'1,234', 1234, thousands, 1",
    "'1,23', 123, thousands, 0",
    "The Cat!, cat, 'lower punctuation articles whitespace', 1",
    "other, x, strip, 1"
  })
  void exactMatchNormalisesAsAsked(String answer, String target, String steps, double expected) {
    Metric metric =
        TextMetrics.exactMatch(options(Map.of("normalise", List.of(steps.split(" ", -1)))));

    assertEquals(expected, metric.judge(sample(target, answer)).values().get("exact_match"));
  }

  @ParameterizedTest
  @CsvSource({
    "'1,000.5', 1000, 0, 1",
    "12%, 0.12, 0, 1",
    "x, 1, 0, 0",
    "1.1, 1, 0.05, 0",
    "2, 2.0, 0, 1"
  })
  void numbersAreEqualWithinTheirTolerance(
      String answer, String target, double absolute, double expected) {
    Metric metric = TextMetrics.numeric(options(Map.of("absolute", absolute, "relative", 0.001)));

    assertEquals(expected, metric.judge(sample(target, answer)).values().get("numeric"));
  }

  @Test
  void f1CountsCommonWordsAndSeveralAnswersAreAveraged() {
    Metric metric = TextMetrics.f1(options(Map.of()));

    assertEquals(0.8, metric.judge(sample("the big red dog", "red dog")).values().get("f1"), 1e-12);
    assertEquals(0.5, metric.judge(sample("dog", "dog", null)).values().get("f1"));
  }

  @Test
  void choicesAreNormalisedByCharactersBytesAndTokens() {
    List<ChoiceScore> choices =
        List.of(new ChoiceScore(" ab", -3, 1, 2, false), new ChoiceScore(" éééé", -4, 8, 8, false));

    assertEquals(0, ChoiceMetric.ACC.best(choices));
    assertEquals(1, ChoiceMetric.ACC_NORM.best(choices)); // -1.5 against -1
    assertEquals(1, ChoiceMetric.ACC_BYTES.best(choices)); // -1.5 against -0.5
    assertEquals(1, ChoiceMetric.ACC_TOKENS.best(choices)); // -3 against -0.5
    assertEquals(
        0, ChoiceMetric.ACC.best(List.of(choices.get(0), choices.get(0))), "first of equals");
  }

  private static Extractor extractor(ExtractSpec.Kind kind, String argument, boolean last) {
    PlacedText text = argument == null ? null : new PlacedText("extract", argument, HERE);
    return Extractor.of(List.of(new ExtractSpec(kind, text, -1, last)));
  }

  @Test
  void answersAreFoundInWhatWasSaid() {
    assertEquals(
        "1234.5",
        extractor(ExtractSpec.Kind.LAST_NUMBER, null, false).extract("7, then $1,234.5."));
    assertEquals(
        "B", extractor(ExtractSpec.Kind.LETTER, null, false).extract("The answer is (B)."));
    assertEquals("C", extractor(ExtractSpec.Kind.LETTER, null, false).extract(" C"));
    assertNull(extractor(ExtractSpec.Kind.LETTER, null, false).extract("I don't know"));
    assertEquals(
        "2",
        extractor(ExtractSpec.Kind.JSON, "$.a.b[1]", false)
            .extract("so {x} {\"a\":{\"b\":[1,2]}} ok"));
    assertNull(extractor(ExtractSpec.Kind.JSON, "$.a", false).extract("{{{{"));
    assertEquals("y", extractor(ExtractSpec.Kind.REGEX, "is (\\w)", true).extract("is x, is y"));
    assertEquals("a\n", extractor(ExtractSpec.Kind.CODE, null, false).extract("```py\na\n```"));
  }

  @Test
  void aPatternThatRunsAwayIsStopped() {
    Extractor extractor = extractor(ExtractSpec.Kind.REGEX, "(a+)+b", false);

    assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () ->
            assertThrows(
                BoundedPattern.StepsExceededException.class,
                () -> extractor.extract("a".repeat(100_000))));
  }

  @Test
  void anUnknownOptionIsRefusedWithTheNearestOne() {
    Options options = options(Map.of("normalize", "strip"));
    TextMetrics.exactMatch(options);

    String said = assertThrows(RuntimeException.class, options::close).getMessage();

    assertTrue(said.contains("unknown option 'normalize'"), said);
  }

  @Test
  void commandsPassFailTimeOutAndAreCutOff() {
    Sandbox sandbox = Sandbox.allowed(line -> {});
    Sandbox.Limits limits = new Sandbox.Limits(60_000, 256L << 20, 4096);
    Sandbox.Limits brief = new Sandbox.Limits(1500, 256L << 20, 4096);

    assertTrue(run(sandbox, "exit 0", limits).isSuccess());
    assertEquals(3, run(sandbox, "exit 3", limits).exitCode());
    assertEquals("time", run(sandbox, "sleep 60 & sleep 60", brief).stopped());
    assertEquals(
        "output", run(sandbox, "while :; do echo xxxxxxxxxxxxxxxx; done", limits).stopped());
    assertFalse(run(sandbox, "head -c 100000 /dev/zero > big", limits).isSuccess());
    assertEquals("", run(sandbox, "printf %s \"$SECRET\"", limits).output().strip());
    assertThrows(IllegalStateException.class, () -> run(Sandbox.forbidden(), "exit 0", limits));
  }

  private static Sandbox.Outcome run(Sandbox sandbox, String script, Sandbox.Limits limits) {
    return sandbox.run(List.of("sh", "script"), Map.of("script", script), limits);
  }

  @Test
  void passAtKRunsTheProgramOfEachAnswer() {
    Metric metric =
        PassMetric.of(
            options(
                Map.of(
                    "k",
                    List.of(1L, 2L),
                    "command",
                    List.of("sh", "p.sh"),
                    "file",
                    "p.sh",
                    "program",
                    "test {{ answer }} = {{ want }}")),
            2,
            Sandbox.allowed(line -> {}));
    JudgedSample sample =
        new JudgedSample(
            Map.of("want", "4"),
            "q",
            List.of("4", "5"),
            List.of("4", "5"),
            null,
            List.of(),
            List.of(),
            null,
            0,
            Map.of());

    assertEquals(Map.of("pass@1", 0.5, "pass@2", 1.0), metric.judge(sample).values());
  }

  @Test
  void moreAnswersThanAreDrawnAreRefusedWithTheirPlace() throws IOException {
    TaskSpec task =
        EvaluationSpecReader.parse(
                """
                name: n
                suites:
                  - name: s
                    tasks:
                      - name: t
                        data: {path: x}
                        prompt: q
                        sampling: {n: 5, temperature: 1}
                        metrics:
                          - pass_at_k: {k: [1, 10], command: [sh, p], file: p, program: x}
                """,
                "n.yaml",
                Path.of(""))
            .suites()
            .get(0)
            .tasks()
            .get(0);
    try (UserMetrics users = UserMetrics.of(List.of())) {
      CommandException refused =
          assertThrows(
              CommandException.class, () -> Metrics.of(task, Sandbox.allowed(line -> {}), users));

      assertEquals(ExitCode.USAGE, refused.exitCode());
      String said = refused.getMessage();
      assertTrue(said.contains("at most sampling.n, which is 5, found 10"), said);
      assertTrue(said.contains("n.yaml, line 10"), said);
    }
  }
}
