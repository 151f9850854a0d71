package dev.millrace.jobs.spec;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kinds of values an option takes, and how text becomes one. */
public enum OptionType {
  /** Any text. */
  TEXT("TEXT"),
  /** Several texts; each taken whole. */
  TEXTS("TEXT"),
  /** A file or folder. */
  PATH("PATH"),
  /** Files, folders or globs. */
  PATHS("PATH"),
  /** A whole number. */
  INTEGER("N"),
  /** A number. */
  DECIMAL("X"),
  /** Yes or no. */
  FLAG("BOOLEAN"),
  /** One of a few words. */
  CHOICE("WORD"),
  /** A size: 1073741824, 512MiB, 4GiB. */
  BYTES("SIZE"),
  /** Several whole numbers. */
  INTEGERS("N"),
  /** Token id to bias. */
  BIASES("ID=X"),
  /** Several names with a value each. */
  PAIRS("NAME=VALUE"),
  /** A part of a whole: 0.005 or 0.5%. */
  SHARE("X|X%");

  private static final Pattern SIZE =
      Pattern.compile("([0-9]+)\\s*(B|KIB|MIB|GIB|TIB|K|M|G|T)?", Pattern.CASE_INSENSITIVE);

  private final String label;

  OptionType(String label) {
    this.label = label;
  }

  /** What the help calls a value, for example {@code PATH}. */
  public String label() {
    return label;
  }

  /** Whether an option of this type may be given several times. */
  public boolean isRepeatable() {
    return this == TEXTS || this == PATHS || this == INTEGERS || isMapping();
  }

  /** Whether a job spec may write the values as a mapping. */
  boolean isMapping() {
    return this == BIASES || this == PAIRS;
  }

  /**
   * Turns texts (one, unless the type is repeatable) into a value.
   *
   * @return String, List of String, Long, Double, Boolean, List of Integer, Map of Integer to
   *     Double or Map of String to String
   * @throws IllegalArgumentException saying what was expected and what was found
   */
  Object parse(List<String> texts, List<String> choices) {
    if (!isRepeatable() && texts.size() != 1) {
      throw unexpected("one value", String.join(", ", texts));
    }
    return switch (this) {
      case TEXT, PATH -> texts.get(0);
      case TEXTS, PATHS -> List.copyOf(texts);
      case INTEGER -> integer(texts.get(0));
      case DECIMAL -> decimal(texts.get(0));
      case FLAG -> flag(texts.get(0));
      case CHOICE -> choice(texts.get(0), choices);
      case BYTES -> bytes(texts.get(0));
      case INTEGERS -> integers(texts);
      case BIASES -> biases(texts);
      case PAIRS -> pairs(texts);
      case SHARE -> share(texts.get(0));
    };
  }

  private static Long integer(String text) {
    try {
      return new BigDecimal(text.strip()).longValueExact();
    } catch (NumberFormatException | ArithmeticException e) {
      throw unexpected("a whole number", text);
    }
  }

  private static Double decimal(String text) {
    try {
      double value = Double.parseDouble(text.strip());
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // told below, with the rest that is no number
    }
    throw unexpected("a number", text);
  }

  private static Boolean flag(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "true", "yes", "on" -> Boolean.TRUE;
      case "false", "no", "off" -> Boolean.FALSE;
      default -> throw unexpected("true or false", text);
    };
  }

  private static String choice(String text, List<String> choices) {
    if (!choices.contains(text)) {
      throw new IllegalArgumentException(
          "expected "
              + String.join(", ", choices)
              + "; found '"
              + text
              + "'"
              + Suggestion.nearest(text, choices).map(w -> "; did you mean " + w + "?").orElse(""));
    }
    return text;
  }

  private static Long bytes(String text) {
    Matcher matcher = SIZE.matcher(text.strip());
    if (!matcher.matches()) {
      throw unexpected("a size such as 512MiB or 4GiB", text);
    }
    String unit = matcher.group(2) == null ? "B" : matcher.group(2).toUpperCase(Locale.ROOT);
    int shift = "BKMGT".indexOf(unit.charAt(0)) * 10;
    try {
      return Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift);
    } catch (NumberFormatException | ArithmeticException e) {
      throw unexpected("a size below 8 EiB", text);
    }
  }

  private static List<Integer> integers(List<String> texts) {
    List<Integer> values = new ArrayList<>();
    for (String text : texts) {
      for (String part : text.split(",", -1)) {
        values.add(toInt(part));
      }
    }
    return List.copyOf(values);
  }

  private static Map<Integer, Double> biases(List<String> texts) {
    Map<Integer, Double> values = new TreeMap<>();
    for (String text : texts) {
      for (String part : text.split(",", -1)) {
        int equals = part.indexOf('=');
        if (equals < 1) {
          throw unexpected("ID=BIAS, for example 1234=-5", part);
        }
        values.put(toInt(part.substring(0, equals)), decimal(part.substring(equals + 1)));
      }
    }
    return values;
  }

  private static int toInt(String text) {
    long value = integer(text);
    if (value != (int) value) {
      throw unexpected("a whole number below 2147483648", text);
    }
    return (int) value;
  }

  private static Map<String, String> pairs(List<String> texts) {
    Map<String, String> values = new TreeMap<>();
    for (String text : texts) {
      int equals = text.indexOf('=');
      if (equals < 1 || equals == text.length() - 1) {
        throw unexpected("NAME=VALUE", text);
      }
      values.put(text.substring(0, equals), text.substring(equals + 1));
    }
    return values;
  }

  private static Double share(String text) {
    String digits = text.strip();
    boolean percent = digits.endsWith("%");
    try {
      double value =
          Double.parseDouble(percent ? digits.substring(0, digits.length() - 1) : digits);
      double share = percent ? value / 100 : value;
      if (share >= 0 && share <= 1) {
        return share;
      }
    } catch (NumberFormatException e) {
      // told below, with the numbers out of range
    }
    throw unexpected("a share from 0 to 1, such as 0.01 or 1%", text);
  }

  private static IllegalArgumentException unexpected(String expected, String found) {
    return new IllegalArgumentException("expected " + expected + ", found '" + found + "'");
  }
}
