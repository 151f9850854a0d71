package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.EngineTotals;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.JobTotals;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.RankMemory;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.SampleWriter;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes the folder of an evaluation with nights, tasks and rows as a test asks for them. */
final class ReportFixture {
  static final Instant BEGAN = Instant.parse("2026-11-25T01:00:00.250Z");
  private static final String[] NAMES = {
    "gsm8k",
    "mmlu_anatomy",
    "arc_challenge",
    "boolq",
    "piqa",
    "winogrande",
    "ifeval",
    "humaneval",
    "openbookqa",
    "siqa"
  };

  final EvaluationFolder evaluation;
  int tasks = 6;
  int rows = 40;
  int nights = 20;
  boolean accepted = true;

  /** Put into every text of a row, name and sentence; for hostile data. */
  String text = "";

  ReportFixture(Path folder) {
    evaluation = EvaluationFolder.at(folder);
  }

  /** Writes everything but the report; returns the newest night's folder. */
  NightFolder write() throws IOException {
    for (int back = nights - 1; back > 0; back--) {
      if (back != 7) { // one night was missed
        night(back, false).path();
      }
    }
    if (accepted) {
      NightFolder baseline = evaluation.baseline();
      samples(baseline, false);
      baseline.write(result(5, false));
    }
    NightFolder tonight = night(0, true);
    samples(tonight, true);
    return tonight;
  }

  private NightFolder night(int back, boolean tonight) throws IOException {
    NightFolder folder = evaluation.night(id(back));
    folder.write(result(back, tonight));
    return folder;
  }

  static String id(int back) {
    return BEGAN.minus(Duration.ofDays(back)).toString().substring(0, 10);
  }

  NightResult result(int back, boolean tonight) {
    List<TaskResult> all = new ArrayList<>();
    Verdict worst = Verdict.PASS;
    for (int i = 0; i < tasks; i++) {
      TaskResult task = task(i, back, tonight);
      worst = worst.worse(task.gate().verdict());
      all.add(task);
    }
    Instant began = BEGAN.minus(Duration.ofDays(back));
    return new NightResult(
        NightResult.VERSION,
        id(back),
        "nightly" + text,
        "5f0c9d".repeat(10) + "abcd",
        "millrace 0.1.0",
        began,
        began.plusMillis(734_500),
        worst,
        worst == Verdict.FAIL
            ? "1 of " + tasks + " tasks fell below the accepted night." + text
            : "All gates held." + text,
        accepted && back < 5 ? id(5) : null,
        tasks == 0 ? List.of() : List.of(model()),
        all);
  }

  private static ModelRun model() {
    JobTotals job =
        new JobTotals(
            4200, 3100, 1050, 50, 812_345, 402_000, 96_123, 1.9, 2.4, 301.2, 0.8, 2.2, 312.5, 319.1,
            1681.3, 0.4712, "EUR");
    EngineTotals engine =
        new EngineTotals(
            "cpu-vector-512",
            4,
            64,
            2048,
            List.of(
                new RankMemory("weights", 9_961_472, 9_961_472),
                new RankMemory("kv-cache", 268_435_456, 268_435_456),
                new RankMemory("activations", 23_068_672, 23_068_672)),
            3612,
            41.7,
            506_468,
            288.1,
            9.4);
    return new ModelRun(
        "qwen2.5-0.5b", "/models/qwen2.5-0.5b", "cd33b26d47afa24a", "cd33-cpu", job, engine);
  }

  static boolean isChoice(int task) {
    return task % 3 == 1;
  }

  static boolean isPerplexity(int task) {
    return task % 6 == 5;
  }

  private TaskResult task(int i, int back, boolean tonight) {
    String name = NAMES[i % NAMES.length] + (i < NAMES.length ? "" : "_" + i) + text;
    Random random = new Random(31L * i + back);
    boolean dropped = tonight && i == 0 && accepted;
    double level = 0.35 + 0.05 * (i % 8);
    double score = level + 0.012 * random.nextGaussian() - (dropped ? 0.082 : 0);
    MetricValue metric =
        isPerplexity(i)
            ? new MetricValue(
                "word_perplexity", false, 18 + 30 * score, 0.31, interval(18 + 30 * score, 0.6))
            : new MetricValue(
                isChoice(i) ? "acc_norm" : "exact_match",
                true,
                score,
                0.0113,
                interval(score, 0.022));
    Verdict verdict = dropped ? Verdict.FAIL : tonight && i == 2 ? Verdict.WARN : Verdict.PASS;
    return new TaskResult(
        i % 2 == 0 ? "reasoning" : "knowledge",
        name,
        "qwen2.5-0.5b",
        List.of("quick", "nightly"),
        isPerplexity(i) ? "perplexity" : isChoice(i) ? "multiple_choice" : "generate",
        metric,
        isChoice(i) ? List.of(new MetricValue("acc", true, score - 0.02, 0.01, null)) : List.of(),
        rows,
        1,
        tonight && i == 2 ? 3 : 0,
        0L,
        5,
        81_000,
        9_000,
        "data/" + name + ".parquet",
        "aa".repeat(32),
        "grade-school-math" + text,
        "MIT",
        NightFolder.samplesFile("qwen2.5-0.5b", "s" + i, "t" + i),
        accepted && back < 5 ? comparison(i, dropped, random) : null,
        gate(verdict));
  }

  private static Interval interval(double middle, double half) {
    return new Interval(middle - half, middle + half);
  }

  private BaselineComparison comparison(int i, boolean dropped, Random random) {
    double change =
        isPerplexity(i) ? 0.0042 : dropped ? -0.082 : 0.009 * random.nextGaussian() + 0.001 * i;
    double half = isPerplexity(i) ? 0.003 : 0.021;
    return new BaselineComparison(
        id(5),
        dropped ? 0.3634 : isPerplexity(i) ? 33.1 : 0.38,
        rows,
        0,
        change,
        interval(change, half),
        isPerplexity(i) ? "paired-bootstrap" : "mcnemar-exact",
        dropped ? 0.00002 : 0.43,
        dropped ? 0.00012 : 1,
        0.029,
        dropped ? 9 : 6,
        dropped ? 25 : 5);
  }

  private GateOutcome gate(Verdict verdict) {
    String sentence =
        switch (verdict) {
          case FAIL -> "The change is -8.2 points (-10.3 to -6.1): its upper bound is below 0.";
          case WARN -> "40 rows find no drop below 2.9 points, the rule asks for 2.";
          case PASS -> "The change's upper bound is not below 0.";
        };
    return new GateOutcome(
        verdict,
        List.of(
            new GateOutcome.Rule("fail if change.high < 0", verdict, sentence + text),
            new GateOutcome.Rule("fail if score < 0.2", Verdict.PASS, "0.28 is not below 0.2.")));
  }

  private void samples(NightFolder folder, boolean tonight) throws IOException {
    for (int i = 0; i < tasks; i++) {
      String file = NightFolder.samplesFile("qwen2.5-0.5b", "s" + i, "t" + i);
      try (SampleWriter writer = folder.sampleWriter(file)) {
        for (int row = 0; row < rows; row++) {
          writer.write(sample(i, row, tonight));
        }
        writer.commit();
      }
    }
  }

  private SampleResult sample(int task, int row, boolean tonight) {
    Random random = new Random(7919L * task + row);
    boolean was = random.nextInt(100) < 45;
    boolean flips = random.nextInt(100) < (task == 0 ? 30 : 8);
    boolean right = (tonight && flips) != was;
    if (isPerplexity(task)) {
      return perplexity(row, tonight && flips ? -310.5 : -300.25);
    }
    return isChoice(task) ? choice(row, right) : generated(row, right, tonight && task == 2);
  }

  private SampleResult perplexity(int row, double sum) {
    return sample(
        row,
        "A page of text " + row + "." + text,
        List.of(),
        List.of(),
        null,
        List.of(),
        null,
        Map.of("word_perplexity", sum),
        Map.of("word_perplexity", 97.0),
        null);
  }

  private SampleResult choice(int row, boolean right) {
    List<ChoiceScore> choices =
        List.of(
            new ChoiceScore(" the femur" + text, right ? -2.25 : -5.5, 3, 9, false),
            new ChoiceScore(" the tibia", -4.125, 3, 9, false),
            new ChoiceScore(" the ulna", -6.0, 2, 8, false));
    return sample(
        row,
        "Question " + row + ": Which is the longest bone of the human body?\nAnswer:",
        List.of(),
        choices,
        "the femur",
        List.of(),
        right ? 0 : 1,
        Map.of("acc_norm", right ? 1.0 : 0.0, "acc", right ? 1.0 : 0.0),
        Map.of(),
        null);
  }

  private SampleResult generated(int row, boolean right, boolean mayFail) {
    int each = 3 + row % 7;
    int answer = each * 12;
    int said = right ? answer : answer - each;
    String question =
        "A baker makes "
            + each
            + " trays of a dozen rolls each morning. How many rolls are that? Think step by step,"
            + " then give the answer after ####."
            + text;
    if (mayFail && row < 3) {
      return sample(
          row,
          null,
          List.of(),
          List.of(),
          Integer.toString(answer),
          List.of(question),
          null,
          Map.of("exact_match", 0.0),
          Map.of(),
          "PROMPT_TOO_LONG: 4,101 tokens of 2,048" + text);
    }
    String told =
        "Each tray holds 12 rolls. There are "
            + (right ? each : each - 1)
            + " trays, so that is "
            + (right ? each : each - 1)
            + " × 12 = "
            + said
            + " rolls.\n#### "
            + said
            + text;
    return sample(
        row,
        null,
        List.of(told),
        List.of(),
        Integer.toString(answer),
        List.of(question),
        null,
        Map.of("exact_match", right ? 1.0 : 0.0),
        Map.of(),
        null);
  }

  private SampleResult sample(
      int row,
      String prompt,
      List<String> answers,
      List<ChoiceScore> choices,
      String target,
      List<String> asked,
      Integer chosen,
      Map<String, Double> metrics,
      Map<String, Double> weights,
      String failure) {
    List<String> extracted =
        answers.stream().map(a -> a.replaceAll("(?s).*#### ", "").strip()).toList();
    return new SampleResult(
        "task",
        "test-" + row + text,
        0,
        null,
        prompt,
        asked.stream().map(content -> new SampleMessage("user", content)).toList(),
        answers,
        extracted,
        target,
        List.of(),
        choices,
        choices.isEmpty() ? null : 0,
        chosen,
        metrics,
        weights,
        null,
        120,
        40,
        answers.isEmpty() ? List.of() : List.of("stop"),
        row % 3 == 0,
        "key",
        failure);
  }
}
