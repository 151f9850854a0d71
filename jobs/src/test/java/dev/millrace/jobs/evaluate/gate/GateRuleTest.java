package dev.millrace.jobs.evaluate.gate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.evaluate.spec.Place;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GateRuleTest {
  private static final MetricValue METRIC =
      new MetricValue("acc", true, 0.5, 0.05, new Interval(0.4, 0.6));
  private static final BaselineComparison WORSE =
      new BaselineComparison(
          "b",
          0.6,
          100,
          0,
          -0.1,
          new Interval(-0.18, -0.02),
          "mcnemar-exact",
          0.01,
          0.04,
          0.08,
          3,
          13);

  private static GateOutcome.Rule judge(String rule, BaselineComparison baseline) {
    return GateRule.compile(new PlacedText("gate", rule, new Place("n.yaml", 1, 1)))
        .judge(new GateFacts(METRIC, baseline, 100, 0.02, 2, null));
  }

  @ParameterizedTest
  @CsvSource({
    "fail if change.high < 0, FAIL",
    "fail if change.low < -0.2, PASS",
    "fail if change < 0 and adjusted_p < 0.05, FAIL",
    "fail if change < 0 and adjusted_p < 0.01, PASS",
    "warn if score < 50%, PASS",
    "warn if score <= 50%, WARN",
    "fail if score < 0.1 or rows == 100, FAIL",
    "fail if score < 0.1 and rows == 100 or failures >= 2, FAIL",
    "warn if undetectable 0.05, WARN",
    "warn if undetectable 0.1, PASS",
    "warn if undetectable 0.7, WARN",
    "fail if flaky > 0, PASS",
    "fail if failure_share > 1%, FAIL"
  })
  void rulesStrikeByTheirFigures(String rule, Verdict expected) {
    assertEquals(expected, judge(rule, WORSE).verdict(), rule);
  }

  @Test
  void whatStruckIsSaidInNumbers() {
    String sentence = judge("fail if change.high < 0", WORSE).sentence();

    assertEquals(
        "acc went from 0.6000 to 0.5000: change -0.1000 (95 % -0.1800 to -0.0200), adjusted p 0.0400"
            + " over 100 paired rows, 3 better and 13 worse.",
        sentence);
  }

  @Test
  void withoutAnAcceptedRunNothingAboutChangesStrikes() {
    GateOutcome.Rule rule = judge("fail if change.high < 0", null);

    assertEquals(Verdict.PASS, rule.verdict());
    assertTrue(rule.sentence().startsWith("Not judged: there is no accepted run"), rule.sentence());
  }
}
