package dev.millrace.jobs.evaluate.gate;

import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.spec.Suggestion;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One rule:
 *
 * <pre>
 * rule       = ("fail" | "warn") "if" condition
 * condition  = all ("or" all)*
 * all        = comparison ("and" comparison)*
 * comparison = term ("&lt;" | "&lt;=" | "&gt;" | "&gt;=" | "==" | "!=") term | "undetectable" number
 * term       = number | number "%" | one of {@link GateFacts#NAMES}
 * </pre>
 *
 * A comparison with a figure that is not known (no baseline, too few rows) does not hold. {@code
 * undetectable x} holds if a drop of x would probably be missed.
 */
public final class GateRule {
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(<=|>=|==|!=|<|>|[A-Za-z_][A-Za-z_.]*|-?[0-9]*\\.?[0-9]+(?:[eE]-?[0-9]+)?%?)");

  private final PlacedText source;
  private final Verdict verdict;
  private final List<List<Comparison>> alternatives;

  private GateRule(PlacedText source, Verdict verdict, List<List<Comparison>> alternatives) {
    this.source = source;
    this.verdict = verdict;
    this.alternatives = alternatives;
  }

  /**
   * Compiles a rule.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if it is not one, with its place
   */
  public static GateRule compile(PlacedText source) {
    return new Parser(source).rule();
  }

  /** What the rule says about these facts. */
  public GateOutcome.Rule judge(GateFacts facts) {
    Map<String, Double> seen = new LinkedHashMap<>();
    boolean strikes = false;
    boolean unknown = false;
    for (List<Comparison> all : alternatives) {
      boolean holds = true;
      for (Comparison comparison : all) {
        Boolean result = comparison.holds(facts, seen);
        unknown |= result == null;
        holds &= Boolean.TRUE.equals(result);
      }
      strikes |= holds;
    }
    Verdict outcome = strikes ? verdict : Verdict.PASS;
    return new GateOutcome.Rule(source.text(), outcome, facts.sentence(strikes, unknown, seen));
  }

  private record Term(String name, double number) {
    Double value(GateFacts facts, Map<String, Double> seen) {
      if (name == null) {
        return number;
      }
      Double value = facts.value(name);
      seen.put(name, value);
      return value;
    }
  }

  private record Comparison(Term left, String operator, Term right) {
    /** Null if a figure is not known. */
    Boolean holds(GateFacts facts, Map<String, Double> seen) {
      if (operator.equals("undetectable")) {
        Double drop = left.value(facts, seen);
        Double baseline = facts.value("baseline");
        if (baseline == null) {
          return null;
        }
        boolean floor = facts.isBounded() && baseline < right.number();
        return drop == null || drop > right.number() || floor;
      }
      Double a = left.value(facts, seen);
      Double b = right.value(facts, seen);
      if (a == null || b == null) {
        return null;
      }
      int order = Double.compare(a + 0.0, b + 0.0);
      return switch (operator) {
        case "<" -> order < 0;
        case "<=" -> order <= 0;
        case ">" -> order > 0;
        case ">=" -> order >= 0;
        case "==" -> order == 0;
        default -> order != 0;
      };
    }
  }

  private static final class Parser {
    private final PlacedText source;
    private final List<String> tokens = new ArrayList<>();
    private int next;

    Parser(PlacedText source) {
      this.source = source;
      Matcher matcher = TOKEN.matcher(source.text());
      int end = 0;
      while (end < source.text().length() && matcher.find(end) && matcher.start() == end) {
        tokens.add(matcher.group(1));
        end = matcher.end();
      }
      if (!source.text().substring(end).isBlank()) {
        throw unexpected("a rule", "'" + source.text().substring(end).strip() + "'");
      }
    }

    GateRule rule() {
      String word = take("fail or warn");
      if (!word.equals("fail") && !word.equals("warn")) {
        throw unexpected("fail or warn", "'" + word + "'");
      }
      String joint = take("if");
      if (!joint.equals("if")) {
        throw unexpected("if", "'" + joint + "'");
      }
      List<List<Comparison>> alternatives = new ArrayList<>();
      List<Comparison> all = new ArrayList<>(List.of(comparison()));
      while (next < tokens.size()) {
        String join = take("and, or");
        switch (join) {
          case "and" -> all.add(comparison());
          case "or" -> {
            alternatives.add(all);
            all = new ArrayList<>(List.of(comparison()));
          }
          default -> throw unexpected("and, or, or the end", "'" + join + "'");
        }
      }
      alternatives.add(all);
      return new GateRule(source, word.equals("fail") ? Verdict.FAIL : Verdict.WARN, alternatives);
    }

    private Comparison comparison() {
      if (next < tokens.size() && tokens.get(next).equals("undetectable")) {
        next++;
        Term drop = term();
        if (drop.name() != null) {
          throw unexpected("a number after undetectable", "'" + drop.name() + "'");
        }
        return new Comparison(new Term("detectable_drop", 0), "undetectable", drop);
      }
      Term left = term();
      String operator = take("a comparison");
      if (!List.of("<", "<=", ">", ">=", "==", "!=").contains(operator)) {
        throw unexpected("<, <=, >, >=, == or !=", "'" + operator + "'");
      }
      return new Comparison(left, operator, term());
    }

    private Term term() {
      String text = take("a figure or a number");
      if (Character.isLetter(text.charAt(0)) || text.charAt(0) == '_') {
        if (!GateFacts.NAMES.contains(text)) {
          throw source
              .place()
              .error(
                  source.key() + ": expected a figure, found '" + text + "'",
                  Suggestion.nearest(text, GateFacts.NAMES)
                      .map(nearest -> "Did you mean '" + nearest + "'?")
                      .orElse("There are " + String.join(", ", GateFacts.NAMES) + "."));
        }
        return new Term(text, 0);
      }
      try {
        boolean share = text.endsWith("%");
        String digits = share ? text.substring(0, text.length() - 1) : text;
        return new Term(null, Double.parseDouble(digits) / (share ? 100 : 1));
      } catch (NumberFormatException e) {
        throw unexpected("a figure or a number", "'" + text + "'");
      }
    }

    private String take(String expected) {
      if (next == tokens.size()) {
        throw unexpected(expected, "the end");
      }
      return tokens.get(next++);
    }

    private RuntimeException unexpected(String expected, String found) {
      return source
          .place()
          .error(
              source.key() + ": expected " + expected + ", found " + found,
              "Write for example 'fail if change.high < 0'.");
    }
  }
}
