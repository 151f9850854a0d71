package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Texts;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Cutting strings up, as the methods of Python's {@code str} do. */
final class Splitting {
  private Splitting() {}

  static Sequence split(TaintedText self, Arguments arguments, boolean fromLeft) {
    arguments.expect("split", "sep", "maxsplit");
    Object separator = arguments.get(0, "sep", None.NONE);
    int limit = arguments.integer(1, "maxsplit", -1);
    int splits = limit < 0 ? Integer.MAX_VALUE : limit;
    if (separator instanceof None) {
      return Sequence.list(fromLeft ? byWhiteSpace(self, splits) : byWhiteSpaceRight(self, splits));
    }
    String wanted = Values.requireText(separator, "split").text();
    if (wanted.isEmpty()) {
      throw new TemplateException("empty separator");
    }
    return Sequence.list(
        fromLeft ? byText(self, wanted, splits) : byTextRight(self, wanted, splits));
  }

  private static List<Object> byText(TaintedText self, String separator, int splits) {
    List<Object> parts = new ArrayList<>();
    int start = 0;
    int found = self.text().indexOf(separator);
    while (found >= 0 && parts.size() < splits) {
      parts.add(self.substring(start, found));
      start = found + separator.length();
      found = self.text().indexOf(separator, start);
    }
    parts.add(self.substring(start, self.length()));
    return parts;
  }

  private static List<Object> byTextRight(TaintedText self, String separator, int splits) {
    List<Object> parts = new ArrayList<>();
    int end = self.length();
    while (parts.size() < splits) {
      int found = self.text().lastIndexOf(separator, end - separator.length());
      if (found < 0 || end < separator.length()) {
        break;
      }
      parts.add(self.substring(found + separator.length(), end));
      end = found;
    }
    parts.add(self.substring(0, end));
    Collections.reverse(parts);
    return parts;
  }

  private static List<Object> byWhiteSpace(TaintedText self, int splits) {
    List<Object> parts = new ArrayList<>();
    TaintedText rest = Texts.strip(self, null, true, false);
    while (rest.length() > 0) {
      int end = 0;
      while (end < rest.length() && !Texts.isSpace(rest.text().charAt(end))) {
        end++;
      }
      if (parts.size() == splits) {
        parts.add(rest);
        return parts;
      }
      parts.add(rest.substring(0, end));
      rest = Texts.strip(rest.substring(end, rest.length()), null, true, false);
    }
    return parts;
  }

  private static List<Object> byWhiteSpaceRight(TaintedText self, int splits) {
    List<Object> parts = new ArrayList<>();
    TaintedText rest = Texts.strip(self, null, false, true);
    while (rest.length() > 0) {
      int start = rest.length();
      while (start > 0 && !Texts.isSpace(rest.text().charAt(start - 1))) {
        start--;
      }
      if (parts.size() == splits) {
        parts.add(rest);
        break;
      }
      parts.add(rest.substring(start, rest.length()));
      rest = Texts.strip(rest.substring(0, start), null, false, true);
    }
    Collections.reverse(parts);
    return parts;
  }

  static Sequence splitLines(TaintedText self, Arguments arguments) {
    boolean keepEnds = arguments.expect("splitlines", "keepends").flag(0, "keepends", false);
    List<Object> lines = new ArrayList<>();
    String source = self.text();
    int start = 0;
    while (start < source.length()) {
      int end = start;
      while (end < source.length() && !isLineEnd(source.charAt(end))) {
        end++;
      }
      int next = Math.min(end + (source.startsWith("\r\n", end) ? 2 : 1), source.length());
      lines.add(self.substring(start, keepEnds ? next : end));
      start = next;
    }
    return Sequence.list(lines);
  }

  private static boolean isLineEnd(char c) {
    return c >= 0x0A && c <= 0x0D
        || c >= 0x1C && c <= 0x1E
        || c == 0x85
        || c == 0x2028
        || c == 0x2029;
  }

  static Sequence partition(TaintedText self, Arguments arguments, boolean fromLeft) {
    TaintedText separator = arguments.expect("partition", "sep").requireText(0, "sep");
    if (separator.length() == 0) {
      throw new TemplateException("empty separator");
    }
    int found =
        fromLeft
            ? self.text().indexOf(separator.text())
            : self.text().lastIndexOf(separator.text());
    if (found < 0) {
      return fromLeft
          ? Sequence.tuple(self, TaintedText.EMPTY, TaintedText.EMPTY)
          : Sequence.tuple(TaintedText.EMPTY, TaintedText.EMPTY, self);
    }
    return Sequence.tuple(
        self.substring(0, found),
        separator,
        self.substring(found + separator.length(), self.length()));
  }
}
