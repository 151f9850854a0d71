package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.JsonPrinter;
import dev.millrace.engine.text.jinja.value.Markup;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Numbers;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Texts;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** The filters of one value; those of sequences are in {@link SequenceFilters}. */
public final class Filters {
  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final String TITLE_SEPARATORS = "-({[<";

  private static final Map<String, Filter> FILTERS = all();

  private Filters() {}

  /** The filter of a name, if there is one. */
  public static Optional<Filter> find(String name) {
    return Optional.ofNullable(FILTERS.get(name));
  }

  private static Map<String, Filter> all() {
    Map<String, Filter> filters = new HashMap<>(SequenceFilters.all());
    filters.put("abs", (v, a) -> abs(v));
    filters.put("capitalize", keepingMarkup(TextMethods::capitalize));
    filters.put("d", Filters::defaulted);
    filters.put("default", Filters::defaulted);
    filters.put("e", (v, a) -> new Markup(Markup.escape(v)));
    filters.put("escape", (v, a) -> new Markup(Markup.escape(v)));
    filters.put("float", Filters::toFloat);
    filters.put("format", Filters::format);
    filters.put("indent", Filters::indent);
    filters.put("int", Filters::toInteger);
    filters.put("lower", keepingMarkup(TextMethods::lower));
    filters.put("replace", Filters::replace);
    filters.put("round", Filters::round);
    filters.put("safe", (v, a) -> new Markup(Printer.print(v)));
    filters.put("string", (v, a) -> v instanceof Markup ? v : Printer.print(v));
    filters.put("title", keepingMarkup(Filters::title));
    filters.put("tojson", Filters::toJson);
    filters.put("trim", Filters::trim);
    filters.put("truncate", Filters::truncate);
    filters.put("upper", keepingMarkup(TextMethods::upper));
    filters.put("wordcount", (v, a) -> WORD.matcher(Printer.print(v).text()).results().count());
    return Map.copyOf(filters);
  }

  /** A change of a string. */
  private interface Change {
    TaintedText apply(TaintedText text);
  }

  private static Filter keepingMarkup(Change change) {
    return (value, arguments) -> {
      arguments.expect("this filter");
      TaintedText changed = change.apply(Printer.print(value));
      return value instanceof Markup ? new Markup(changed) : changed;
    };
  }

  private static Object abs(Object value) {
    Values.rejectUndefined(value);
    if (!Values.isNumber(value)) {
      throw new TemplateException("bad operand type for abs(): '" + Values.typeName(value) + "'");
    }
    boolean negative = Values.compare(value, 0L) < 0;
    return negative ? Numbers.negate(value) : Numbers.calculate("+", value, 0L);
  }

  private static Object defaulted(Object value, Arguments arguments) {
    arguments.expect("default", "default_value", "boolean");
    boolean falseToo = arguments.flag(1, "boolean", false);
    return value instanceof Undefined || falseToo && !Values.isTrue(value)
        ? arguments.get(0, "default_value", TaintedText.EMPTY)
        : value;
  }

  private static Object toFloat(Object value, Arguments arguments) {
    Object absent = arguments.expect("float", "default").get(0, "default", 0.0);
    Values.rejectUndefined(value);
    if (Values.isNumber(value)) {
      return Numbers.toDouble(value);
    }
    Double parsed = Values.isText(value) ? parseDouble(Values.text(value).text()) : null;
    return parsed == null ? absent : parsed;
  }

  private static Double parseDouble(String text) {
    String number = text.strip();
    if (!number.matches("[-+]?(\\d[\\d_]*\\.?[\\d_]*|\\.\\d[\\d_]*)([eE][-+]?\\d+)?")) {
      return null;
    }
    return Double.valueOf(number.replace("_", ""));
  }

  private static Object toInteger(Object value, Arguments arguments) {
    arguments.expect("int", "default", "base");
    Object absent = arguments.get(0, "default", 0L);
    Values.rejectUndefined(value);
    if (value instanceof Long) {
      return value;
    }
    if (value instanceof Boolean flag) {
      return flag ? 1L : 0L;
    }
    Double number = value instanceof Double d ? d : null;
    if (Values.isText(value)) {
      String text = Values.text(value).text().strip();
      try {
        return Long.parseLong(text.replace("_", ""), arguments.integer(1, "base", 10));
      } catch (NumberFormatException notInteger) {
        number = parseDouble(text); // "42.23" counts as 42
      }
    }
    boolean fits = number != null && Math.abs(number) < 0x1p63;
    return fits ? (Object) number.longValue() : absent;
  }

  private static Object format(Object value, Arguments arguments) {
    if (!arguments.named().isEmpty()) {
      Dict named = new Dict();
      arguments.named().forEach((k, v) -> named.put(TaintedText.trusted(k), v));
      return TextFormat.percent(Printer.print(value), named);
    }
    return TextFormat.percent(
        Printer.print(value), Sequence.of(Sequence.Kind.TUPLE, arguments.positional()));
  }

  private static Object indent(Object value, Arguments arguments) {
    arguments.expect("indent", "width", "first", "blank");
    Object width = arguments.get(0, "width", 4L);
    TaintedText indention =
        Values.isText(width)
            ? Values.text(width)
            : TaintedText.trusted(" ".repeat(Math.max(0, TextFormat.width(width))));
    boolean blank = arguments.flag(2, "blank", false);
    TaintedText text = Values.requireText(value, "indent").concat(TaintedText.trusted("\n"));
    List<Object> lines = Splitting.splitLines(text, Arguments.NONE).items();
    TaintedText.Builder out = new TaintedText.Builder();
    if (arguments.flag(1, "first", false)) {
      out.append(indention);
    }
    for (int i = 0; i < lines.size(); i++) {
      TaintedText line = (TaintedText) lines.get(i);
      if (i > 0) {
        out.append("\n", false);
        if (blank || line.length() > 0) {
          out.append(indention);
        }
      }
      out.append(line);
    }
    return out.build();
  }

  private static Object replace(Object value, Arguments arguments) {
    arguments.expect("replace", "old", "new", "count");
    Object count = arguments.get(2, "count", None.NONE);
    return Texts.replace(
        Printer.print(value),
        Printer.print(arguments.require(0, "old")),
        Printer.print(arguments.require(1, "new")),
        count instanceof None ? -1 : Values.toIndex(count));
  }

  private static Object round(Object value, Arguments arguments) {
    arguments.expect("round", "precision", "method");
    int precision = arguments.integer(0, "precision", 0);
    String method = arguments.text(1, "method", "common").text();
    Values.rejectUndefined(value);
    if (!Values.isNumber(value)) {
      throw new TemplateException("round: expected a number, found " + Values.typeName(value));
    }
    if (method.equals("common") && !(value instanceof Double) && precision >= 0) {
      return Numbers.calculate("+", value, 0L);
    }
    double number = Numbers.toDouble(value);
    double scale = Math.pow(10, precision);
    return switch (method) {
      case "common" ->
          new BigDecimal(number).setScale(precision, RoundingMode.HALF_EVEN).doubleValue();
      case "ceil" -> Math.ceil(number * scale) / scale;
      case "floor" -> Math.floor(number * scale) / scale;
      default -> throw new TemplateException("method must be common, ceil or floor");
    };
  }

  /** Upper case at the start and after white space, hyphens and brackets; lower case elsewhere. */
  private static TaintedText title(TaintedText text) {
    TaintedText.Builder titled = new TaintedText.Builder();
    String source = text.text();
    boolean start = true;
    for (int at = 0; at < source.length(); ) {
      int c = source.codePointAt(at);
      int next = at + Character.charCount(c);
      TaintedText one = text.substring(at, next);
      titled.append(start ? TextMethods.upper(one) : TextMethods.lower(one));
      start = TITLE_SEPARATORS.indexOf(c) >= 0 || Texts.isSpace(c);
      at = next;
    }
    return titled.build();
  }

  private static Object toJson(Object value, Arguments arguments) {
    arguments.expect("tojson", "ensure_ascii", "indent", "separators", "sort_keys");
    Object indent = arguments.get(1, "indent", None.NONE);
    String unit = null;
    if (Values.isText(indent)) {
      unit = Values.text(indent).text();
    } else if (!(indent instanceof None)) {
      unit = " ".repeat(Math.max(0, TextFormat.width(indent)));
    }
    TaintedText itemSeparator = TaintedText.trusted(unit == null ? ", " : ",");
    TaintedText keySeparator = TaintedText.trusted(": ");
    Object separators = arguments.get(2, "separators", None.NONE);
    if (!(separators instanceof None)) {
      List<Object> pair = Values.iterate(separators);
      if (pair.size() != 2) {
        throw new TemplateException("tojson: separators are two strings");
      }
      itemSeparator = Values.requireText(pair.get(0), "tojson separators");
      keySeparator = Values.requireText(pair.get(1), "tojson separators");
    }
    return JsonPrinter.print(
        value,
        new JsonPrinter.Style(
            arguments.flag(0, "ensure_ascii", false),
            unit,
            itemSeparator,
            keySeparator,
            arguments.flag(3, "sort_keys", false)));
  }

  private static Object trim(Object value, Arguments arguments) {
    Object characters = arguments.expect("trim", "chars").get(0, "chars", None.NONE);
    String cut = characters instanceof None ? null : Values.requireText(characters, "trim").text();
    TaintedText trimmed = Texts.strip(Printer.print(value), cut, true, true);
    return value instanceof Markup ? new Markup(trimmed) : trimmed;
  }

  private static Object truncate(Object value, Arguments arguments) {
    arguments.expect("truncate", "length", "killwords", "end", "leeway");
    TaintedText text = Values.requireText(value, "truncate");
    TaintedText end = arguments.text(2, "end", "...");
    int length = arguments.integer(0, "length", 255);
    if (length < Texts.length(end)) {
      throw new TemplateException(
          "truncate: expected length >= " + Texts.length(end) + ", got " + length);
    }
    Object leeway = arguments.get(3, "leeway", None.NONE);
    int tolerated = leeway instanceof None ? 5 : Values.toIndex(leeway);
    if (Texts.length(text) <= length + tolerated) {
      return text;
    }
    int kept = text.text().offsetByCodePoints(0, length - Texts.length(end));
    if (!arguments.flag(1, "killwords", false)) {
      int space = text.text().substring(0, kept).lastIndexOf(' ');
      kept = space < 0 ? kept : space;
    }
    return text.substring(0, kept).concat(end);
  }
}
