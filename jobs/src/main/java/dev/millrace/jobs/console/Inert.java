package dev.millrace.jobs.console;

import java.util.Locale;

/**
 * Makes text that came from data or a model safe to print: what a terminal would obey (control
 * characters, escapes, marks that turn the direction of writing) is shown as {@code \}{@code u....}
 * and lines are cut to a length.
 */
public final class Inert {
  private Inert() {}

  /** The text with nothing in it that a terminal obeys but line breaks and tabs. */
  public static String text(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\n' || c == '\t' || isHarmless(c)) {
        safe.append(c);
      } else {
        safe.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      }
    }
    return safe.toString();
  }

  /** The same on one line of at most so many characters. */
  public static String line(String text, int most) {
    String cut = text.length() > most ? text.substring(0, most) + "..." : text;
    return text(cut.replace("\n", "\\n").replace("\t", " "));
  }

  private static boolean isHarmless(char c) {
    boolean directional =
        (c >= '\u200b' && c <= '\u200f')
            || (c >= '\u2028' && c <= '\u202e')
            || (c >= '\u2060' && c <= '\u206f')
            || c == '\ufeff'
            || c == '\u061c';
    return !directional && !Character.isISOControl(c);
  }
}
