package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.Printer;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Texts;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code %} operator and {@code str.format}, for the conversions that templates use. */
public final class TextFormat {
  private static final int WIDTH_MAX = 10_000;

  private static final Pattern PERCENT =
      Pattern.compile("%(?:\\(([^)]*)\\))?([-0+ ]*)(\\d*)(?:\\.(\\d+))?(.?)", Pattern.DOTALL);
  private static final Pattern FIELD =
      Pattern.compile("(\\w*)(?:!([rs]))?(?::(.*))?", Pattern.DOTALL);
  private static final Pattern SPEC =
      Pattern.compile("(?:(.)?([<>^]))?(0?)(\\d*)(?:\\.(\\d+))?([dfs]?)", Pattern.DOTALL);

  private TextFormat() {}

  static int width(Object value) {
    int width = Values.toIndex(value);
    if (width > WIDTH_MAX) {
      throw new TemplateException("a width is at most " + WIDTH_MAX + ", found " + width);
    }
    return width;
  }

  private static int width(String digits) {
    if (digits == null || digits.isEmpty()) {
      return 0;
    }
    if (digits.length() > 5) {
      throw new TemplateException("a width is at most " + WIDTH_MAX + ", found " + digits);
    }
    return width((Object) Long.valueOf(digits));
  }

  /** {@code text % values}. */
  public static TaintedText percent(TaintedText text, Object values) {
    boolean tuple = values instanceof Sequence s && s.kind() == Sequence.Kind.TUPLE;
    List<Object> arguments = tuple ? ((Sequence) values).items() : List.of(values);
    TaintedText.Builder out = new TaintedText.Builder();
    Matcher matcher = PERCENT.matcher(text.text());
    int done = 0;
    int used = 0;
    while (matcher.find(done)) {
      out.append(text, done, matcher.start());
      done = matcher.end();
      if (matcher.group(5).equals("%")) {
        out.append(text, done - 1, done);
      } else if (matcher.group(1) != null) {
        out.append(converted(matcher, named(values, matcher.group(1))));
        used = arguments.size();
      } else if (used < arguments.size()) {
        out.append(converted(matcher, arguments.get(used++)));
      } else {
        throw new TemplateException("not enough arguments for format string");
      }
    }
    if (used < arguments.size() && !(values instanceof Dict)) {
      throw new TemplateException("not all arguments converted during string formatting");
    }
    return out.append(text, done, text.length()).build();
  }

  private static Object named(Object values, String name) {
    Object value = values instanceof Dict dict ? dict.get(name) : null;
    if (value == null) {
      throw new TemplateException("format: no value is named '" + name + "'");
    }
    return value;
  }

  private static TaintedText converted(Matcher matcher, Object value) {
    String flags = matcher.group(2);
    String precision = matcher.group(4);
    TaintedText text;
    switch (matcher.group(5)) {
      case "s" -> text = truncated(Printer.print(value), precision);
      case "r" -> text = truncated(Printer.repr(value), precision);
      case "d", "i" -> text = TaintedText.trusted(String.valueOf(truncatedInteger(value)));
      case "f" -> text = TaintedText.trusted(fixed(value, precision));
      default ->
          throw new TemplateException("the format '" + matcher.group() + "' is not supported");
    }
    if (flags.contains("+") || flags.contains(" ")) {
      throw new TemplateException("the format '" + matcher.group() + "' is not supported");
    }
    boolean number = !matcher.group(5).equals("s") && !matcher.group(5).equals("r");
    boolean left = flags.contains("-");
    boolean zeros = number && flags.contains("0") && !left;
    return padded(text, width(matcher.group(3)), left ? '<' : '>', zeros ? "0" : " ");
  }

  private static long truncatedInteger(Object value) {
    if (value instanceof Double number) {
      return (long) number.doubleValue();
    }
    if (!Values.isNumber(value)) {
      throw new TemplateException("format: expected a number, found " + Values.typeName(value));
    }
    return value instanceof Boolean flag ? (flag ? 1 : 0) : (Long) value;
  }

  private static String fixed(Object value, String precision) {
    if (!Values.isNumber(value)) {
      throw new TemplateException("format: expected a number, found " + Values.typeName(value));
    }
    double number = value instanceof Double d ? d : (double) truncatedInteger(value);
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      return Printer.print(number).text();
    }
    int digits = precision == null ? 6 : width(precision);
    String magnitude =
        new BigDecimal(Math.abs(number)).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
    return (number < 0 || 1 / number < 0 ? "-" : "") + magnitude;
  }

  private static TaintedText truncated(TaintedText text, String precision) {
    if (precision == null || Texts.length(text) <= width(precision)) {
      return text;
    }
    return text.substring(0, text.text().offsetByCodePoints(0, width(precision)));
  }

  private static TaintedText padded(TaintedText text, int width, char align, String fill) {
    int missing = Math.max(0, width - Texts.length(text));
    int left = align == '>' ? missing : align == '<' ? 0 : missing / 2;
    int sign = fill.equals("0") && text.text().startsWith("-") ? 1 : 0;
    return new TaintedText.Builder()
        .append(text, 0, sign)
        .append(fill.repeat(left), false)
        .append(text, sign, text.length())
        .append(fill.repeat(missing - left), false)
        .build();
  }

  /** {@code text.format(...)}. */
  static TaintedText format(TaintedText text, Arguments arguments) {
    TaintedText.Builder out = new TaintedText.Builder();
    String source = text.text();
    int automatic = 0;
    for (int at = 0; at < source.length(); ) {
      char c = source.charAt(at);
      if (c != '{' && c != '}') {
        out.append(text, at, ++at);
      } else if (source.startsWith(c == '{' ? "{{" : "}}", at)) {
        out.append(text, at, at + 1);
        at += 2;
      } else {
        int close = source.indexOf('}', at);
        Matcher field =
            FIELD.matcher(c == '{' && close > 0 ? source.substring(at + 1, close) : "}");
        if (!field.matches()) {
          throw new TemplateException("format: the field at character " + at + " is not supported");
        }
        String name = field.group(1).isEmpty() ? String.valueOf(automatic++) : field.group(1);
        out.append(formatted(argument(arguments, name), field.group(2), field.group(3)));
        at = close + 1;
      }
    }
    return out.build();
  }

  private static Object argument(Arguments arguments, String name) {
    Object value = null;
    if (Character.isDigit(name.charAt(0))) {
      int index = width(name);
      value = index < arguments.positional().size() ? arguments.positional().get(index) : null;
    } else {
      value = arguments.named().get(name);
    }
    if (value == null) {
      throw new TemplateException("format: there is no argument '" + name + "'");
    }
    return value;
  }

  private static TaintedText formatted(Object value, String conversion, String spec) {
    Object converted =
        "r".equals(conversion)
            ? Printer.repr(value)
            : "s".equals(conversion) ? Printer.print(value) : value;
    if (spec == null || spec.isEmpty()) {
      return Printer.print(converted);
    }
    Matcher matcher = SPEC.matcher(spec);
    boolean text = !Values.isNumber(converted) || converted instanceof Boolean;
    if (!matcher.matches()
        || text && !"s".equals(matcher.group(6)) && !matcher.group(6).isEmpty()) {
      throw new TemplateException("format: the specification '" + spec + "' is not supported");
    }
    TaintedText shown =
        switch (matcher.group(6)) {
          case "d" -> TaintedText.trusted(String.valueOf(truncatedInteger(converted)));
          case "f" -> TaintedText.trusted(fixed(converted, matcher.group(5)));
          default -> formattedPlainly(converted, text, matcher.group(5), spec);
        };
    boolean zeros = !matcher.group(3).isEmpty();
    String fill = matcher.group(1) != null ? matcher.group(1) : zeros ? "0" : " ";
    char align =
        matcher.group(2) != null
            ? matcher.group(2).charAt(0)
            : text && !zeros ? '<' : text ? '<' : '>';
    return padded(shown, width(matcher.group(4)), align, fill);
  }

  private static TaintedText formattedPlainly(
      Object value, boolean text, String precision, String spec) {
    if (!text && precision != null) {
      throw new TemplateException("format: the specification '" + spec + "' is not supported");
    }
    return truncated(Printer.print(value), precision);
  }
}
