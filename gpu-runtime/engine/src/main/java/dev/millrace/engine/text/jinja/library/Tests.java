package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.Markup;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Numbers;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The tests of {@code value is name(arguments)}. */
public final class Tests {
  /** One test. */
  @FunctionalInterface
  public interface Test {
    boolean check(Object value, Arguments arguments);
  }

  private static final Map<String, Test> TESTS = all();

  private Tests() {}

  /** The test of a name, if there is one. */
  public static Optional<Test> find(String name) {
    return Optional.ofNullable(TESTS.get(name));
  }

  private static Map<String, Test> all() {
    Map<String, Test> tests = new HashMap<>();
    ofKind(tests);
    tests.put("odd", (v, a) -> remainder(v, 2L) == 1);
    tests.put("even", (v, a) -> remainder(v, 2L) == 0);
    tests.put("divisibleby", (v, a) -> remainder(v, a.require(0, "num")) == 0);
    tests.put("filter", (v, a) -> Values.isText(v) && Filters.find(v.toString()).isPresent());
    tests.put("test", (v, a) -> Values.isText(v) && TESTS.containsKey(v.toString()));
    tests.put("lower", (v, a) -> TextMethods.isCased(Printer.print(v).text(), false));
    tests.put("upper", (v, a) -> TextMethods.isCased(Printer.print(v).text(), true));
    tests.put("sameas", (v, a) -> same(v, a.require(0, "other")));
    tests.put("in", (v, a) -> Values.contains(a.require(0, "seq"), v));
    comparison(tests, (v, other) -> Values.equal(v, other), "==", "eq", "equalto");
    comparison(tests, (v, other) -> !Values.equal(v, other), "!=", "ne");
    comparison(tests, (v, other) -> Values.compare(v, other) > 0, ">", "gt", "greaterthan");
    comparison(tests, (v, other) -> Values.compare(v, other) >= 0, ">=", "ge");
    comparison(tests, (v, other) -> Values.compare(v, other) < 0, "<", "lt", "lessthan");
    comparison(tests, (v, other) -> Values.compare(v, other) <= 0, "<=", "le");
    return Map.copyOf(tests);
  }

  private static void ofKind(Map<String, Test> tests) {
    tests.put("defined", (v, a) -> !(v instanceof Undefined));
    tests.put("undefined", (v, a) -> v instanceof Undefined);
    tests.put("none", (v, a) -> v instanceof None);
    tests.put("boolean", (v, a) -> v instanceof Boolean);
    tests.put("true", (v, a) -> Boolean.TRUE.equals(v));
    tests.put("false", (v, a) -> Boolean.FALSE.equals(v));
    tests.put("integer", (v, a) -> v instanceof Long);
    tests.put("float", (v, a) -> v instanceof Double);
    tests.put("number", (v, a) -> Values.isNumber(v));
    tests.put("string", (v, a) -> Values.isText(v));
    tests.put("mapping", (v, a) -> v instanceof Dict);
    tests.put("sequence", (v, a) -> isSequence(v));
    tests.put("iterable", (v, a) -> Values.isIterable(v));
    tests.put("callable", (v, a) -> v instanceof Callable);
    tests.put("escaped", (v, a) -> v instanceof Markup);
  }

  private static boolean isSequence(Object value) {
    return Values.isText(value)
        || value instanceof Dict
        || value instanceof Sequence sequence && sequence.isIndexed();
  }

  private static boolean same(Object a, Object b) {
    if (a instanceof Boolean || a instanceof None || a instanceof Long) {
      return a.equals(b);
    }
    return a == b;
  }

  private static double remainder(Object value, Object divisor) {
    Values.rejectUndefined(value);
    if (!Values.isNumber(value) || !Values.isNumber(divisor)) {
      throw new TemplateException(
          "expected numbers to divide, found "
              + Values.typeName(value)
              + " and "
              + Values.typeName(divisor));
    }
    return Numbers.toDouble(Numbers.calculate("%", value, divisor));
  }

  /** A comparison with one other value. */
  private interface Comparison {
    boolean holds(Object value, Object other);
  }

  private static void comparison(Map<String, Test> tests, Comparison comparison, String... names) {
    for (String name : names) {
      tests.put(name, (v, a) -> comparison.holds(v, a.require(0, "other")));
    }
  }
}
