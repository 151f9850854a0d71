package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.TemplateException;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Python's {@code strftime} in English (the C locale), with glibc's {@code %-d} for no padding. */
final class TimeFormat {
  private TimeFormat() {}

  static String format(ZonedDateTime time, String format) {
    StringBuilder out = new StringBuilder();
    for (int at = 0; at < format.length(); at++) {
      char c = format.charAt(at);
      if (c != '%' || at + 1 == format.length()) {
        out.append(c);
        continue;
      }
      c = format.charAt(++at);
      boolean unpadded = c == '-' && at + 1 < format.length();
      if (unpadded) {
        c = format.charAt(++at);
      }
      String field = field(time, c);
      out.append(unpadded ? field.replaceFirst("^[0 ]+(?=.)", "") : field);
    }
    return out.toString();
  }

  private static String field(ZonedDateTime time, char directive) {
    switch (directive) {
      case '%':
        return "%";
      case 'n':
        return "\n";
      case 't':
        return "\t";
      case 'e':
        return String.format(Locale.ROOT, "%2d", time.getDayOfMonth());
      case 'w':
        return String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'f':
        return String.format(Locale.ROOT, "%06d", time.getNano() / 1000);
      case 'Z', 'z':
        return ""; // datetime.now() knows no zone
      default:
        return time.format(DateTimeFormatter.ofPattern(pattern(directive), Locale.US));
    }
  }

  private static String pattern(char directive) {
    return switch (directive) {
      case 'd' -> "dd";
      case 'm' -> "MM";
      case 'b', 'h' -> "MMM";
      case 'B' -> "MMMM";
      case 'a' -> "EEE";
      case 'A' -> "EEEE";
      case 'Y' -> "yyyy";
      case 'y' -> "yy";
      case 'H' -> "HH";
      case 'I' -> "hh";
      case 'M' -> "mm";
      case 'S' -> "ss";
      case 'p' -> "a";
      case 'j' -> "DDD";
      case 'F' -> "yyyy-MM-dd";
      case 'T', 'X' -> "HH:mm:ss";
      case 'R' -> "HH:mm";
      case 'D', 'x' -> "MM/dd/yy";
      default -> throw new TemplateException("strftime_now: '%" + directive + "' is not supported");
    };
  }
}
