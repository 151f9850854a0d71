package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.library.TextFormat;
import dev.millrace.engine.text.jinja.value.Markup;
import dev.millrace.engine.text.jinja.value.Numbers;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Python's binary operators. */
final class Operators {
  /** Longest string or list a repetition may make. */
  private static final long REPEATED_MAX = 1 << 20;

  private Operators() {}

  static Object binary(String operator, Object a, Object b) {
    if (Values.isNumber(a) && Values.isNumber(b)) {
      return Numbers.calculate(operator, a, b);
    }
    Values.rejectUndefined(a);
    if (operator.equals("%") && Values.isText(a)) {
      return TextFormat.percent(Values.text(a), b);
    }
    Values.rejectUndefined(b);
    if (operator.equals("+") && Values.isText(a) && Values.isText(b)) {
      return added(a, b);
    }
    if (operator.equals("+") && a instanceof Sequence left && b instanceof Sequence right) {
      return joined(left, right);
    }
    if (operator.equals("*") && (Values.isNumber(a) || Values.isNumber(b))) {
      return Values.isNumber(a) ? repeated(b, a) : repeated(a, b);
    }
    throw unsupported(operator, a, b);
  }

  private static TemplateException unsupported(String operator, Object a, Object b) {
    return new TemplateException(
        "unsupported operand types for "
            + operator
            + ": '"
            + Values.typeName(a)
            + "' and '"
            + Values.typeName(b)
            + "'");
  }

  /** {@code a ~ b ~ ...}: joined as plain text. */
  static TaintedText joined(List<Object> values) {
    TaintedText.Builder joined = new TaintedText.Builder();
    values.forEach(value -> joined.append(Printer.print(value)));
    return joined.build();
  }

  /** {@code a + b} of texts: what is no markup is escaped if the other is. */
  private static Object added(Object a, Object b) {
    return a instanceof Markup || b instanceof Markup
        ? new Markup(Markup.escape(a).concat(Markup.escape(b)))
        : Values.text(a).concat(Values.text(b));
  }

  private static Object joined(Sequence left, Sequence right) {
    if (!left.isIndexed() || left.kind() != right.kind()) {
      throw unsupported("+", left, right);
    }
    List<Object> items = new ArrayList<>(left.items());
    items.addAll(right.items());
    return Sequence.of(left.kind(), items);
  }

  private static Object repeated(Object value, Object times) {
    boolean sequence = value instanceof Sequence s && s.isIndexed();
    if (times instanceof Double || !sequence && !Values.isText(value)) {
      throw unsupported("*", value, times);
    }
    int count = Math.max(0, Values.toIndex(times));
    if (count * Values.length(value) > REPEATED_MAX) {
      throw new TemplateException(
          "a repetition may make " + REPEATED_MAX + " characters or items at most");
    }
    if (sequence) {
      List<Object> items = new ArrayList<>();
      Collections.nCopies(count, ((Sequence) value).items()).forEach(items::addAll);
      return Sequence.of(((Sequence) value).kind(), items);
    }
    TaintedText.Builder repeated = new TaintedText.Builder();
    Collections.nCopies(count, Values.text(value)).forEach(repeated::append);
    return repeated.build();
  }

  static boolean compare(String operator, Object a, Object b) {
    return switch (operator) {
      case "==" -> Values.equal(a, b);
      case "!=" -> !Values.equal(a, b);
      case "in" -> Values.contains(b, a);
      case "not in" -> !Values.contains(b, a);
      case "<" -> Values.compare(a, b) < 0;
      case "<=" -> Values.compare(a, b) <= 0;
      case ">" -> Values.compare(a, b) > 0;
      default -> Values.compare(a, b) >= 0;
    };
  }
}
