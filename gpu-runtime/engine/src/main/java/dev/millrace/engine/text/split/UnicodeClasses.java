package dev.millrace.engine.text.split;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Character classes exactly as the regex library of Hugging Face tokenizers sees them (Unicode 16),
 * whatever Unicode version this JVM knows: token ids must not depend on the JDK. The table was made
 * by {@code sample-data/scripts/make_unicode_classes.py}.
 */
public final class UnicodeClasses {
  private static final String TABLE = "unicode-classes.txt";
  private static final Map<String, CodePointSet> CLASSES = load();

  private UnicodeClasses() {}

  /** Whether {@code \w} of the split patterns takes it: letters, marks, digits, connectors. */
  public static boolean isWord(int codePoint) {
    return WordHolder.WORD.contains(codePoint);
  }

  /** Whether {@code \s} of the split patterns takes it: Unicode's White_Space. */
  public static boolean isWhiteSpace(int codePoint) {
    return WordHolder.WHITE_SPACE.contains(codePoint);
  }

  static CodePointSet whiteSpace() {
    return WordHolder.WHITE_SPACE;
  }

  static CodePointSet word() {
    return WordHolder.WORD;
  }

  /** Marks that the original's normalisers, of an older Unicode, leave where they are. */
  static CodePointSet inert() {
    return CLASSES.get("Inert");
  }

  static CodePointSet numeric() {
    return CLASSES.get("Numeric");
  }

  /**
   * The class named inside {@code \p{...}}: a general category ({@code Lu}) or the first letter of
   * several ({@code L}).
   */
  static Optional<CodePointSet> category(String name) {
    if (name.length() == 2 && CLASSES.containsKey(name)) {
      return Optional.of(CLASSES.get(name));
    }
    if (name.length() != 1 || name.equals("C")) {
      return Optional.empty(); // \p{C} would need the unassigned and the surrogates
    }
    return CLASSES.entrySet().stream()
        .filter(e -> e.getKey().length() == 2 && e.getKey().startsWith(name))
        .map(Map.Entry::getValue)
        .reduce(CodePointSet::union);
  }

  private static Map<String, CodePointSet> load() {
    Map<String, CodePointSet> classes = new TreeMap<>();
    try (InputStream in = UnicodeClasses.class.getResourceAsStream(TABLE);
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(" ", -1);
        classes.put(fields[0], parse(fields));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the resource " + TABLE, e);
    }
    return Collections.unmodifiableMap(classes);
  }

  private static CodePointSet parse(String[] fields) {
    int[] pairs = new int[(fields.length - 1) * 2];
    for (int i = 1; i < fields.length; i++) {
      int dash = fields[i].indexOf('-');
      String first = dash < 0 ? fields[i] : fields[i].substring(0, dash);
      String last = dash < 0 ? fields[i] : fields[i].substring(dash + 1);
      pairs[2 * i - 2] = Integer.parseInt(first, 16);
      pairs[2 * i - 1] = Integer.parseInt(last, 16) + 1;
    }
    return CodePointSet.ofRanges(pairs);
  }

  /** Kept apart so that the two hot classes are plain final fields. */
  private static final class WordHolder {
    static final CodePointSet WORD = CLASSES.get("Word");
    static final CodePointSet WHITE_SPACE = CLASSES.get("White_Space");
  }
}
