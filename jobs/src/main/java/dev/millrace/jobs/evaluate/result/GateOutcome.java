package dev.millrace.jobs.evaluate.result;

import java.util.List;
import java.util.Objects;

/**
 * What the gate of a task said.
 *
 * @param verdict the worst of its rules
 * @param rules one entry a rule, in the order of the spec
 */
public record GateOutcome(Verdict verdict, List<Rule> rules) {
  public GateOutcome {
    Objects.requireNonNull(verdict, "verdict");
    rules = List.copyOf(rules);
  }

  /** A one-line account: the sentences of the rules that did not pass, or of all if all passed. */
  public String sentence() {
    List<String> worst =
        rules.stream().filter(rule -> rule.verdict() == verdict).map(Rule::sentence).toList();
    return worst.isEmpty() ? "No rule was set." : String.join(" ", worst);
  }

  /**
   * One rule and what became of it.
   *
   * @param rule as the spec has it, for example {@code fail if change.high < 0}
   * @param verdict PASS if it did not strike
   * @param sentence with the numbers it looked at, for people
   */
  public record Rule(String rule, Verdict verdict, String sentence) {
    public Rule {
      Objects.requireNonNull(rule, "rule");
      Objects.requireNonNull(verdict, "verdict");
      Objects.requireNonNull(sentence, "sentence");
    }
  }
}
