package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** JSON as Python's {@code json.dumps} writes it. */
public final class JsonPrinter {
  private final Style style;
  private final TaintedText.Builder out = new TaintedText.Builder();

  /**
   * How to write.
   *
   * @param asciiOnly whether other characters are escaped
   * @param indent what one level is indented by; null for one line
   * @param itemSeparator between items
   * @param keySeparator between key and value
   * @param sortedKeys whether keys are sorted
   */
  public record Style(
      boolean asciiOnly,
      String indent,
      TaintedText itemSeparator,
      TaintedText keySeparator,
      boolean sortedKeys) {}

  private JsonPrinter(Style style) {
    this.style = style;
  }

  public static TaintedText print(Object value, Style style) {
    JsonPrinter printer = new JsonPrinter(style);
    printer.append(value, 0);
    return printer.out.build();
  }

  private void append(Object value, int level) {
    if (Values.isText(value)) {
      quote(Values.text(value));
    } else if (value instanceof Dict dict) {
      appendDict(dict, level);
    } else if (value instanceof Sequence sequence && sequence.isIndexed()) {
      appendList(sequence.items(), level);
    } else if (Values.isNumber(value) || value instanceof None) {
      out.append(scalar(value), false);
    } else {
      Values.rejectUndefined(value);
      throw new TemplateException(
          "Object of type " + Values.typeName(value) + " is not JSON serializable");
    }
  }

  private static String scalar(Object value) {
    if (value instanceof None) {
      return "null";
    }
    if (value instanceof Double number) {
      String repr = Numbers.repr(number);
      return switch (repr) {
        case "nan" -> "NaN";
        case "inf" -> "Infinity";
        case "-inf" -> "-Infinity";
        default -> repr;
      };
    }
    return value.toString(); // an integer, true or false
  }

  private void appendDict(Dict dict, int level) {
    List<Object> keys = new ArrayList<>(dict.keys());
    if (style.sortedKeys()) {
      keys.sort(Values::compare);
    }
    if (keys.isEmpty()) {
      out.append("{}", false);
      return;
    }
    out.append("{", false);
    for (int i = 0; i < keys.size(); i++) {
      separate(i, level + 1);
      Object key = keys.get(i);
      if (!Values.isText(key) && !Values.isNumber(key) && !(key instanceof None)) {
        throw new TemplateException(
            "JSON keys must be str, int, float, bool or None, not " + Values.typeName(key));
      }
      quote(Values.isText(key) ? Values.text(key) : TaintedText.trusted(scalar(key)));
      out.append(style.keySeparator());
      append(dict.get(key), level + 1);
    }
    newLine(level);
    out.append("}", false);
  }

  private void appendList(List<Object> items, int level) {
    if (items.isEmpty()) {
      out.append("[]", false);
      return;
    }
    out.append("[", false);
    for (int i = 0; i < items.size(); i++) {
      separate(i, level + 1);
      append(items.get(i), level + 1);
    }
    newLine(level);
    out.append("]", false);
  }

  private void separate(int index, int level) {
    if (index > 0) {
      out.append(style.itemSeparator());
    }
    newLine(level);
  }

  private void newLine(int level) {
    if (style.indent() != null) {
      out.append("\n" + style.indent().repeat(level), false);
    }
  }

  private void quote(TaintedText text) {
    out.append("\"", false);
    String source = text.text();
    for (int i = 0; i < source.length(); i++) {
      out.append(escaped(source.charAt(i)), text.hasData(i, i + 1));
    }
    out.append("\"", false);
  }

  private String escaped(char c) {
    switch (c) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\f':
        return "\\f";
      case '\b':
        return "\\b";
      default:
        boolean plain = c >= 0x20 && (c < 0x7F || !style.asciiOnly());
        // DEL is escaped in ASCII-only output alone, as json.dumps does.
        return plain ? String.valueOf(c) : String.format(Locale.ROOT, "\\u%04x", (int) c);
    }
  }
}
