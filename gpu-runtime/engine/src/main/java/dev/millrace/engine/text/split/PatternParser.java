package dev.millrace.engine.text.split;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Parses the pattern subset that {@link SplitPattern} documents. */
final class PatternParser {
  /** Case folding of these makes one character of two, which a set of single ones cannot say. */
  private static final Set<String> FOLDED_PAIRS = Set.of("ss", "st", "ff", "fi", "fl");

  /** A part of a sequence. */
  sealed interface Part permits Chars, Group, Lookahead {}

  record Chars(CodePointSet set, int min, int max, boolean possessive) implements Part {}

  record Group(List<List<Part>> alternatives, boolean optional) implements Part {}

  record Lookahead(List<List<Part>> alternatives, boolean wanted) implements Part {}

  private final String source;
  private int at;

  PatternParser(String source) {
    this.source = source;
  }

  List<List<Part>> parse() {
    List<List<Part>> alternatives = alternatives(false);
    if (at < source.length()) {
      throw unsupported("')' without '('");
    }
    return alternatives;
  }

  private List<List<Part>> alternatives(boolean ignoreCase) {
    List<List<Part>> alternatives = new ArrayList<>();
    do {
      alternatives.add(sequence(ignoreCase));
    } while (accept("|"));
    return alternatives;
  }

  private List<Part> sequence(boolean ignoreCase) {
    List<Part> parts = new ArrayList<>();
    String before = "";
    while (at < source.length() && source.charAt(at) != '|' && source.charAt(at) != ')') {
      int from = at;
      parts.add(part(ignoreCase));
      String here = source.substring(from, at);
      if (ignoreCase && FOLDED_PAIRS.contains((before + here).toLowerCase(java.util.Locale.ROOT))) {
        throw unsupported("'" + before + here + "' without regard to case");
      }
      before = here;
    }
    return parts;
  }

  private Part part(boolean ignoreCase) {
    if (accept("(?!")) {
      return lookahead(false, ignoreCase);
    }
    if (accept("(?=")) {
      return lookahead(true, ignoreCase);
    }
    if (accept("(?i:")) {
      return group(true);
    }
    if (accept("(?:")) {
      return group(ignoreCase);
    }
    if (source.startsWith("(?", at)) {
      throw unsupported("this kind of group");
    }
    if (accept("(")) {
      return group(ignoreCase);
    }
    CodePointSet set = atom(ignoreCase);
    return quantified(set);
  }

  private Part lookahead(boolean wanted, boolean ignoreCase) {
    List<List<Part>> body = alternatives(ignoreCase);
    expect(")");
    if (at < source.length() && "?*+{".indexOf(source.charAt(at)) >= 0) {
      throw unsupported("a repeated lookahead");
    }
    return new Lookahead(body, wanted);
  }

  private Part group(boolean ignoreCase) {
    List<List<Part>> body = alternatives(ignoreCase);
    expect(")");
    boolean optional = accept("?");
    if (at < source.length() && "?*+{".indexOf(source.charAt(at)) >= 0) {
      throw unsupported("a group repeated more than once, lazily or possessively");
    }
    return new Group(body, optional);
  }

  private Chars quantified(CodePointSet set) {
    int min = 1;
    int max = 1;
    boolean braces = false;
    if (accept("?")) {
      min = 0;
    } else if (accept("*")) {
      min = 0;
      max = Integer.MAX_VALUE;
    } else if (accept("+")) {
      max = Integer.MAX_VALUE;
    } else if (accept("{")) {
      braces = true;
      min = number();
      max = accept(",") ? (source.startsWith("}", at) ? Integer.MAX_VALUE : number()) : min;
      expect("}");
    } else {
      return new Chars(set, 1, 1, false);
    }
    boolean possessive = !braces && accept("+");
    if (min > max || at < source.length() && "?*+{".indexOf(source.charAt(at)) >= 0) {
      throw unsupported("this quantifier");
    }
    return new Chars(set, min, max, possessive);
  }

  private CodePointSet atom(boolean ignoreCase) {
    char c = source.charAt(at);
    if (c == '[') {
      at++;
      return characterClass(ignoreCase);
    }
    if ("^$.?*+{".indexOf(c) >= 0) {
      throw unsupported("'" + c + "'");
    }
    if (c == '\\') {
      return escape(ignoreCase);
    }
    return literal(codePoint(), ignoreCase);
  }

  private CodePointSet characterClass(boolean ignoreCase) {
    boolean negated = accept("^");
    CodePointSet set = CodePointSet.of();
    boolean first = true;
    while (first || !source.startsWith("]", at)) {
      if (at >= source.length()) {
        throw unsupported("a character class without its end");
      }
      if (source.charAt(at) == '[' || source.startsWith("&&", at) || first && peek() == ']') {
        throw unsupported("'" + source.charAt(at) + "' inside a character class");
      }
      first = false;
      set = set.union(classMember(ignoreCase));
    }
    at++;
    return negated ? set.complement() : set;
  }

  private CodePointSet classMember(boolean ignoreCase) {
    if (peek() == '\\' && "sSdDwWpP".indexOf(charAfter()) >= 0) {
      return escape(ignoreCase);
    }
    int low = classLiteral();
    boolean range = peek() == '-' && charAfter() != ']' && charAfter() != 0;
    if (!range) {
      return literal(low, ignoreCase);
    }
    at++;
    int high = classLiteral();
    if (high < low || ignoreCase) {
      throw unsupported("this range");
    }
    return CodePointSet.ofRanges(new int[] {low, high + 1});
  }

  private int classLiteral() {
    return peek() == '\\' ? escapedCodePoint() : codePoint();
  }

  private CodePointSet escape(boolean ignoreCase) {
    char kind = charAfter();
    CodePointSet set =
        switch (kind) {
          case 's', 'S' -> UnicodeClasses.whiteSpace();
          case 'w', 'W' -> UnicodeClasses.word();
          case 'd', 'D' -> UnicodeClasses.category("Nd").orElseThrow();
          case 'p', 'P' -> property(ignoreCase);
          default -> null;
        };
    if (set == null) {
      return literal(escapedCodePoint(), ignoreCase);
    }
    if (kind != 'p' && kind != 'P') {
      at += 2;
    }
    return Character.isUpperCase(kind) ? set.complement() : set;
  }

  private CodePointSet property(boolean ignoreCase) {
    int close = source.indexOf('}', at);
    if (charAt(at + 2) != '{' || close < 0 || ignoreCase) {
      throw unsupported("this property");
    }
    String name = source.substring(at + 3, close);
    CodePointSet set =
        UnicodeClasses.category(name).orElseThrow(() -> unsupported("the property " + name));
    at = close + 1;
    return set;
  }

  private int escapedCodePoint() {
    char kind = charAfter();
    at += 2;
    switch (kind) {
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'v':
        return 0x0B;
      case 'x':
        return hexadecimal();
      default:
        at -= 2;
    }
    if (kind == 0 || kind > 0x7E || Character.isLetterOrDigit(kind)) {
      throw unsupported("the escape '\\" + kind + "'");
    }
    at += 2;
    return kind;
  }

  private int hexadecimal() {
    boolean braces = accept("{");
    int close = braces ? source.indexOf('}', at) : at + 2;
    try {
      int value = Integer.parseInt(source, at, close, 16);
      if (!Character.isValidCodePoint(value)) {
        throw unsupported("a hexadecimal escape that is no code point");
      }
      at = braces ? close + 1 : close;
      return value;
    } catch (NumberFormatException | IndexOutOfBoundsException e) {
      throw unsupported("a hexadecimal escape that is no code point");
    }
  }

  /** A literal, with its case variants as Unicode folds them where case is ignored. */
  private CodePointSet literal(int c, boolean ignoreCase) {
    if (!ignoreCase) {
      return CodePointSet.of(c);
    }
    if (c > 0x7E) {
      throw unsupported("a non-ASCII letter without regard to case");
    }
    int lower = Character.toLowerCase(c);
    int upper = Character.toUpperCase(c);
    return switch (lower) {
      case 's' -> CodePointSet.of(lower, upper, 0x17F); // long s
      case 'k' -> CodePointSet.of(lower, upper, 0x212A); // kelvin sign
      default -> CodePointSet.of(lower, upper);
    };
  }

  private int codePoint() {
    int c = source.codePointAt(at);
    at += Character.charCount(c);
    return c;
  }

  private int number() {
    int from = at;
    while (at < source.length() && at - from < 6 && Character.isDigit(source.charAt(at))) {
      at++;
    }
    if (from == at) {
      throw unsupported("this quantifier");
    }
    return Integer.parseInt(source, from, at, 10);
  }

  private char peek() {
    return charAt(at);
  }

  private char charAfter() {
    return charAt(at + 1);
  }

  private char charAt(int index) {
    return index < source.length() ? source.charAt(index) : 0;
  }

  private boolean accept(String expected) {
    boolean found = source.startsWith(expected, at);
    if (found) {
      at += expected.length();
    }
    return found;
  }

  private void expect(String expected) {
    if (!accept(expected)) {
      throw unsupported("a missing '" + expected + "'");
    }
  }

  private IllegalArgumentException unsupported(String what) {
    return new IllegalArgumentException(
        "split pattern: "
            + what
            + " is not supported, at character "
            + at
            + " of "
            + source
            + " (supported: literals, character classes, \\s \\d \\w \\p{..}, ? * + {m,n} on one"
            + " character, groups with |, (?i:..), optional groups, lookaheads)");
  }
}
