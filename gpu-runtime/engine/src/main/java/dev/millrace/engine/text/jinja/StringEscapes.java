package dev.millrace.engine.text.jinja;

/** Escapes in string literals, as Python reads them; an unknown one stays as it is written. */
final class StringEscapes {
  private StringEscapes() {}

  static String unescape(String body) {
    StringBuilder out = new StringBuilder();
    for (int at = 0; at < body.length(); ) {
      char c = body.charAt(at++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char kind = body.charAt(at++);
      int simple = "\\'\"abfnrtv".indexOf(kind);
      if (simple >= 0) {
        out.append("\\'\"\u0007\b\f\n\r\t\u000B".charAt(simple));
      } else if (kind >= '0' && kind <= '7') {
        int end = at;
        while (end < body.length() && end < at + 2 && "01234567".indexOf(body.charAt(end)) >= 0) {
          end++;
        }
        out.appendCodePoint(Integer.parseInt(body.substring(at - 1, end), 8));
        at = end;
      } else if (kind == 'x' || kind == 'u' || kind == 'U') {
        int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
        out.appendCodePoint(codePoint(body, at, digits));
        at += digits;
      } else if (kind == 'N') {
        throw new IllegalArgumentException("characters by name (\\N{...}) are not supported");
      } else if (kind != '\n') {
        out.append(c).append(kind);
      }
    }
    return out.toString();
  }

  private static int codePoint(String body, int from, int digits) {
    try {
      int value = Integer.parseInt(body.substring(from, from + digits), 16);
      if (Character.isValidCodePoint(value) && body.charAt(from) != '+') {
        return value;
      }
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException("a string has an escape that is cut off", e);
    }
    throw new IllegalArgumentException("a string has an escape that is no character");
  }
}
