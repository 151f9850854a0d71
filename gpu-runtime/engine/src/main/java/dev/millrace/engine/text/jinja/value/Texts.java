package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Strings counted in code points, as Python counts them. */
public final class Texts {
  private Texts() {}

  public static int length(TaintedText text) {
    return text.text().codePointCount(0, text.length());
  }

  static List<Object> characters(TaintedText text) {
    List<Object> characters = new ArrayList<>(text.length());
    for (int at = 0; at < text.length(); ) {
      int next = text.text().offsetByCodePoints(at, 1);
      characters.add(text.substring(at, next));
      at = next;
    }
    return characters;
  }

  /** The character at an index, counted from the end if negative; null if there is none. */
  static TaintedText character(TaintedText text, int index) {
    int size = length(text);
    int from = index < 0 ? index + size : index;
    return from >= 0 && from < size ? slice(text, from, from + 1, 1) : null;
  }

  /** Bounds are in range; a negative step goes backwards from start. */
  static TaintedText slice(TaintedText text, int start, int stop, int step) {
    String source = text.text();
    if (step == 1) {
      int from = source.offsetByCodePoints(0, Math.min(start, Math.max(start, 0)));
      return start >= stop
          ? TaintedText.EMPTY
          : text.substring(from, source.offsetByCodePoints(from, stop - start));
    }
    List<Object> characters = characters(text);
    TaintedText.Builder picked = new TaintedText.Builder();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      picked.append((TaintedText) characters.get((int) i));
    }
    return picked.build();
  }

  /** Compares code point by code point. */
  static int compare(String a, String b) {
    int i = 0;
    while (i < a.length() && i < b.length() && a.charAt(i) == b.charAt(i)) {
      i++;
    }
    if (i == a.length() || i == b.length()) {
      return Integer.compare(a.length(), b.length());
    }
    char left = a.charAt(i);
    char right = b.charAt(i);
    boolean surrogates = Character.isSurrogate(left) != Character.isSurrogate(right);
    int order = Character.compare(left, right);
    // A surrogate stands for a code point above all others, though U+E000 to U+FFFF sort after it.
    return surrogates ? (Character.isSurrogate(left) ? 1 : -1) : order;
  }

  /** What {@code str.isspace} and {@code str.strip} of Python call white space. */
  public static boolean isSpace(int c) {
    return c == ' '
        || c >= 0x09 && c <= 0x0D
        || c >= 0x1C && c <= 0x1F
        || c == 0x85
        || c == 0xA0
        || c == 0x1680
        || c >= 0x2000 && c <= 0x200A
        || c == 0x2028
        || c == 0x2029
        || c == 0x202F
        || c == 0x205F
        || c == 0x3000;
  }

  /**
   * Cuts characters off the ends.
   *
   * @param characters which; null for white space
   */
  public static TaintedText strip(
      TaintedText text, String characters, boolean left, boolean right) {
    String source = text.text();
    int start = 0;
    int end = source.length();
    while (left && start < end && isStripped(source.codePointAt(start), characters)) {
      start += Character.charCount(source.codePointAt(start));
    }
    while (right && start < end && isStripped(source.codePointBefore(end), characters)) {
      end -= Character.charCount(source.codePointBefore(end));
    }
    return text.substring(start, end);
  }

  private static boolean isStripped(int c, String characters) {
    return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
  }

  /** Changes each run of trusted text and each of data on its own. */
  public static TaintedText map(TaintedText text, UnaryOperator<String> change) {
    TaintedText.Builder changed = new TaintedText.Builder();
    int[] data = text.dataRanges();
    int at = 0;
    for (int i = 0; i < data.length; i += 2) {
      changed.append(change.apply(text.text().substring(at, data[i])), false);
      changed.append(change.apply(text.text().substring(data[i], data[i + 1])), true);
      at = data[i + 1];
    }
    return changed.append(change.apply(text.text().substring(at)), false).build();
  }

  /**
   * Replaces from the left.
   *
   * @param limit most replacements; negative for all
   */
  public static TaintedText replace(
      TaintedText text, TaintedText old, TaintedText replacement, int limit) {
    String source = text.text();
    TaintedText.Builder replaced = new TaintedText.Builder();
    int done = 0;
    int count = 0;
    int at = 0;
    while (limit < 0 || count < limit) {
      int found = source.indexOf(old.text(), at);
      if (found < 0) {
        break;
      }
      replaced.append(text, done, found).append(replacement);
      count++;
      done = found + old.length();
      at = done;
      if (old.length() == 0) {
        if (found == source.length()) {
          break;
        }
        at = found + Character.charCount(source.codePointAt(found));
        replaced.append(text, found, at);
        done = at;
      }
    }
    return replaced.append(text, done, source.length()).build();
  }
}
