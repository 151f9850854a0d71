package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;

/** Text that counts as escaped already: joining other text to it escapes that one. */
public record Markup(TaintedText text) {
  @Override
  public String toString() {
    return text.text();
  }

  /** HTML-escapes what is not escaped yet. */
  public static TaintedText escape(Object value) {
    if (value instanceof Markup markup) {
      return markup.text;
    }
    TaintedText source = Printer.print(value);
    TaintedText.Builder escaped = new TaintedText.Builder();
    for (int i = 0; i < source.length(); i++) {
      String entity =
          switch (source.text().charAt(i)) {
            case '&' -> "&amp;";
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '"' -> "&#34;";
            case '\'' -> "&#39;";
            default -> null;
          };
      if (entity == null) {
        escaped.append(source, i, i + 1);
      } else {
        escaped.append(entity, source.hasData(i, i + 1));
      }
    }
    return escaped.build();
  }
}
