package dev.millrace.jobs.inert;

import java.util.Locale;

/**
 * Shows text that came from data so that it acts on nothing: not on a terminal, a page, an XML
 * parser or a spreadsheet. What would act is made visible instead of dropped, so that a reader sees
 * what the model really wrote: an escape becomes {@code ⟨U+001B⟩}.
 *
 * <p>Letters of every script pass unchanged, right-to-left ones too; only what reorders, hides or
 * commands is replaced.
 */
public final class InertText {
  private static final int DELETE = 0x7f;

  private InertText() {}

  /** For one line of a terminal: line breaks and tabs are made visible too. */
  public static String line(CharSequence text) {
    return visible(text, false);
  }

  /** The same of the beginning of a text: at most so many characters of it, never half a pair. */
  public static String line(CharSequence text, int charsMax) {
    if (text.length() <= charsMax) {
      return line(text);
    }
    int end = Character.isHighSurrogate(text.charAt(charsMax - 1)) ? charsMax - 1 : charsMax;
    return line(text.subSequence(0, end)) + "...";
  }

  /** For a terminal or a log: line breaks and tabs stay; one of Windows is one. */
  public static String block(CharSequence text) {
    return visible(text.toString().replace("\r\n", "\n"), true);
  }

  /** For the content of an HTML element or a quoted attribute: visible as {@link #block}. */
  public static String html(CharSequence text) {
    String shown = block(text);
    StringBuilder out = new StringBuilder(shown.length() + shown.length() / 8);
    for (int i = 0; i < shown.length(); i++) {
      char c = shown.charAt(i);
      switch (c) {
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '&' -> out.append("&amp;");
        case '"' -> out.append("&quot;");
        case '\'' -> out.append("&#39;");
        case '`' -> out.append("&#96;");
        default -> out.append(c);
      }
    }
    return out.toString();
  }

  /**
   * One cell of a CSV file (RFC 4180), quoted. A text that a spreadsheet would take for a formula
   * is preceded by an apostrophe, which spreadsheets show as text.
   */
  public static String csv(CharSequence text) {
    String shown = block(text);
    int first = 0;
    while (first < shown.length() && Character.isWhitespace(shown.charAt(first))) {
      first++;
    }
    boolean formula =
        first < shown.length()
            && "=+-@\uFF1D\uFF0B\uFF0D\uFF20|%".indexOf(shown.charAt(first)) >= 0;
    return '"' + (formula ? "'" : "") + shown.replace("\"", "\"\"") + '"';
  }

  /**
   * The beginning and the end of a long text, with a note of what is left out between them; never
   * cuts a surrogate pair.
   *
   * @param charsMax longest text that stays whole
   */
  public static String shortened(String text, int charsMax) {
    if (text.length() <= charsMax) {
      return text;
    }
    int head = charsMax * 3 / 4;
    int tail = text.length() - (charsMax - head);
    if (Character.isHighSurrogate(text.charAt(head - 1))) {
      head--;
    }
    if (Character.isLowSurrogate(text.charAt(tail))) {
      tail++;
    }
    return text.substring(0, head)
        + String.format(Locale.ROOT, "\n[… %,d characters left out …]\n", tail - head)
        + text.substring(tail);
  }

  private static String visible(CharSequence text, boolean breaks) {
    int at = firstToReplace(text, breaks);
    if (at == text.length()) {
      return text.toString();
    }
    StringBuilder out = new StringBuilder(text.length() + 16).append(text, 0, at);
    while (at < text.length()) {
      int point = Character.codePointAt(text, at);
      at += Character.charCount(point);
      if (acts(point, breaks)) {
        out.append("⟨U+").append(String.format(Locale.ROOT, "%04X", point)).append('⟩');
      } else {
        out.appendCodePoint(point);
      }
    }
    return out.toString();
  }

  private static int firstToReplace(CharSequence text, boolean breaks) {
    int at = 0;
    while (at < text.length()) {
      int point = Character.codePointAt(text, at);
      if (acts(point, breaks)) {
        return at;
      }
      at += Character.charCount(point);
    }
    return at;
  }

  /** Whether a code point commands a terminal, reorders or hides text, or is none at all. */
  private static boolean acts(int point, boolean breaks) {
    if (point == '\n' || point == '\t') {
      return !breaks;
    }
    if (point < 0x20 || (point >= DELETE && point < 0xa0)) {
      return true;
    }
    if (point < 0x300) {
      return point == 0xad;
    }
    return switch (Character.getType(point)) {
      case Character.FORMAT -> point != 0x200c && point != 0x200d; // joiners that scripts need
      case Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          true;
      default -> false;
    };
  }
}
