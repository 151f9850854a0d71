package dev.millrace.engine.text.split;

import dev.millrace.engine.text.taint.TaintedText;
import java.text.Normalizer;

/** The normalisers of {@code tokenizer.json}, as Hugging Face tokenizers defines them. */
public final class TextNormalizers {
  /** Below this code point nothing composes, decomposes canonically into itself, or reorders. */
  private static final char FIRST_COMBINING = 0x300;

  private static final CodePointSet INERT = UnicodeClasses.inert();

  private TextNormalizers() {}

  /**
   * A Unicode normalisation form. The tables are the JDK's: characters that its Unicode version
   * does not know stay as they are.
   */
  public static TextNormalizer unicode(Normalizer.Form form) {
    return text -> {
      if (isPlain(text.text(), form) || Normalizer.isNormalized(text.text(), form)) {
        return text;
      }
      return normalize(text, form);
    };
  }

  /** Puts a text in front of every piece that is not empty. */
  public static TextNormalizer prepend(String prefix) {
    TaintedText trusted = TaintedText.trusted(prefix);
    return text -> text.length() == 0 ? text : trusted.concat(text);
  }

  /** Replaces every match of a pattern; what replaces data counts as data. */
  public static TextNormalizer replace(SplitPattern pattern, String content) {
    return text -> replaceAll(text, pattern, content);
  }

  /** Lower case, code point by code point as Rust does it (no word-final sigma). */
  public static TextNormalizer lowercase() {
    return text -> {
      TaintedText.Builder lower = new TaintedText.Builder();
      String source = text.text();
      for (int at = 0; at < source.length(); ) {
        int c = source.codePointAt(at);
        int next = at + Character.charCount(c);
        String mapped = c == 0x130 ? "i\u0307" : Character.toString(Character.toLowerCase(c));
        lower.append(mapped, text.hasData(at, next));
        at = next;
      }
      return lower.build();
    };
  }

  private static boolean isPlain(String text, Normalizer.Form form) {
    char limit = form == Normalizer.Form.NFC ? FIRST_COMBINING : 0x80;
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) >= limit) {
        return false;
      }
    }
    return true;
  }

  /**
   * Normalises run by run. Nothing composes an ASCII character or an inert mark with what stands
   * before it, so each begins a run of its own; a run that holds data is data.
   */
  private static TaintedText normalize(TaintedText text, Normalizer.Form form) {
    TaintedText.Builder normalized = new TaintedText.Builder();
    String source = text.text();
    for (int start = 0; start < source.length(); ) {
      int first = source.codePointAt(start);
      int end = start + Character.charCount(first);
      // Nor with what stands after it.
      boolean alone = INERT.contains(first);
      while (!alone && end < source.length() && !beginsRun(source.codePointAt(end))) {
        end += Character.charCount(source.codePointAt(end));
      }
      String run = source.substring(start, end);
      normalized.append(alone ? run : Normalizer.normalize(run, form), text.hasData(start, end));
      start = end;
    }
    return normalized.build();
  }

  private static boolean beginsRun(int c) {
    return c < 0x80 || INERT.contains(c);
  }

  private static TaintedText replaceAll(TaintedText text, SplitPattern pattern, String content) {
    char[] chars = text.text().toCharArray();
    TaintedText.Builder replaced = null;
    int done = 0;
    int at = 0;
    while (at < chars.length) {
      int end = pattern.matchAt(chars, at, chars.length);
      if (end <= at) {
        at += Character.isHighSurrogate(chars[at]) ? 2 : 1;
        continue;
      }
      replaced = replaced == null ? new TaintedText.Builder() : replaced;
      replaced.append(text, done, at).append(content, text.hasData(at, end));
      done = end;
      at = end;
    }
    return replaced == null ? text : replaced.append(text, done, chars.length).build();
  }
}
