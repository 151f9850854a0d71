package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.List;
import java.util.Locale;

/** Python's {@code str} and {@code repr}. */
public final class Printer {
  private final TaintedText.Builder out = new TaintedText.Builder();

  private Printer() {}

  /** What {@code {{ value }}} writes. */
  public static TaintedText print(Object value) {
    if (Values.isText(value)) {
      return Values.text(value);
    }
    if (value instanceof Undefined) {
      return TaintedText.EMPTY;
    }
    return repr(value);
  }

  public static TaintedText repr(Object value) {
    Printer printer = new Printer();
    printer.append(value);
    return printer.out.build();
  }

  private void append(Object value) {
    if (value instanceof Markup markup) {
      out.append("Markup(", false);
      quote(markup.text());
      out.append(")", false);
    } else if (value instanceof TaintedText text) {
      quote(text);
    } else if (value instanceof Double number) {
      out.append(Numbers.repr(number), false);
    } else if (value instanceof Boolean flag) {
      out.append(flag ? "True" : "False", false);
    } else if (value instanceof Long || value instanceof None) {
      out.append(value.toString(), false);
    } else if (value instanceof Undefined) {
      out.append("Undefined", false);
    } else if (value instanceof Dict dict) {
      appendDict(dict);
    } else if (value instanceof Sequence sequence) {
      appendSequence(sequence);
    } else {
      throw new TemplateException("a value that is no data (a function, say) cannot be printed");
    }
  }

  private void appendDict(Dict dict) {
    out.append("{", false);
    String separator = "";
    for (Object key : dict.keys()) {
      out.append(separator, false);
      append(key);
      out.append(": ", false);
      append(dict.get(key));
      separator = ", ";
    }
    out.append("}", false);
  }

  private void appendSequence(Sequence sequence) {
    switch (sequence.kind()) {
      case LIST -> items("[", sequence.items(), "]");
      case TUPLE -> items("(", sequence.items(), sequence.items().size() == 1 ? ",)" : ")");
      case GENERATOR ->
          throw new TemplateException(
              "a generator cannot be printed; turn it into a list first (| list)");
      case KEYS, VALUES, ITEMS -> items(sequence.kind().typeName() + "([", sequence.items(), "])");
    }
  }

  private void items(String open, List<Object> items, String close) {
    out.append(open, false);
    String separator = "";
    for (Object item : items) {
      out.append(separator, false);
      append(item);
      separator = ", ";
    }
    out.append(close, false);
  }

  private void quote(TaintedText text) {
    String source = text.text();
    char quote = source.indexOf('\'') >= 0 && source.indexOf('"') < 0 ? '"' : '\'';
    out.append(String.valueOf(quote), false);
    for (int at = 0; at < source.length(); ) {
      int c = source.codePointAt(at);
      int next = at + Character.charCount(c);
      out.append(escaped(c, quote), text.hasData(at, next));
      at = next;
    }
    out.append(String.valueOf(quote), false);
  }

  private static String escaped(int c, char quote) {
    if (c == quote || c == '\\') {
      return "\\" + (char) c;
    }
    switch (c) {
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      default:
    }
    if (isPrintable(c)) {
      return Character.toString(c);
    }
    String form = c <= 0xFF ? "\\x%02x" : c <= 0xFFFF ? "\\u%04x" : "\\U%08x";
    return String.format(Locale.ROOT, form, c);
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }
}
