package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Texts;
import dev.millrace.engine.text.jinja.value.Values;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The methods of Python's {@code str}. */
public final class TextMethods {
  /** Methods Python has and templates here have not. */
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "casefold",
          "encode",
          "expandtabs",
          "format_map",
          "isascii",
          "isdecimal",
          "isidentifier",
          "isprintable",
          "istitle",
          "maketrans",
          "rindex",
          "swapcase",
          "translate");

  private static final Map<String, Method> METHODS =
      Map.ofEntries(
          Map.entry("strip", strip(true, true)),
          Map.entry("lstrip", strip(true, false)),
          Map.entry("rstrip", strip(false, true)),
          Map.entry("upper", plain(TextMethods::upper)),
          Map.entry("lower", plain(TextMethods::lower)),
          Map.entry("capitalize", plain(TextMethods::capitalize)),
          Map.entry("title", plain(TextMethods::title)),
          Map.entry("startswith", (s, a) -> affixed(s, a, true)),
          Map.entry("endswith", (s, a) -> affixed(s, a, false)),
          Map.entry("removeprefix", (s, a) -> removeAffix(s, a, true)),
          Map.entry("removesuffix", (s, a) -> removeAffix(s, a, false)),
          Map.entry("replace", TextMethods::replace),
          Map.entry("split", (s, a) -> Splitting.split(s, a, true)),
          Map.entry("rsplit", (s, a) -> Splitting.split(s, a, false)),
          Map.entry("splitlines", Splitting::splitLines),
          Map.entry("partition", (s, a) -> Splitting.partition(s, a, true)),
          Map.entry("rpartition", (s, a) -> Splitting.partition(s, a, false)),
          Map.entry("join", (s, a) -> join(s, a.expect("join", "iterable").require(0, "iterable"))),
          Map.entry("find", (s, a) -> find(s, a, "find")),
          Map.entry("rfind", TextMethods::findLast),
          Map.entry("index", TextMethods::index),
          Map.entry("count", TextMethods::count),
          Map.entry("format", TextFormat::format),
          Map.entry("zfill", TextMethods::zeroFill),
          Map.entry("ljust", (s, a) -> justify(s, a, "ljust")),
          Map.entry("rjust", (s, a) -> justify(s, a, "rjust")),
          Map.entry("center", (s, a) -> justify(s, a, "center")),
          Map.entry("isspace", check(Texts::isSpace)),
          Map.entry("isdigit", check(Character::isDigit)),
          Map.entry("isnumeric", check(TextMethods::isNumeric)),
          Map.entry("isalpha", check(Character::isLetter)),
          Map.entry("isalnum", check(c -> Character.isLetter(c) || isNumeric(c))),
          Map.entry("isupper", (s, a) -> isCased(s.text(), true)),
          Map.entry("islower", (s, a) -> isCased(s.text(), false)));

  /** A method of a string. */
  private interface Method {
    Object call(TaintedText self, Arguments arguments);
  }

  /** A change of a string that takes no arguments. */
  private interface Change {
    TaintedText apply(TaintedText text);
  }

  /** A property of a code point. */
  private interface CharacterCheck {
    boolean test(int codePoint);
  }

  private TextMethods() {}

  /** Whether Python's strings have this method and strings here have not. */
  public static boolean isUnsupported(String name) {
    return UNSUPPORTED.contains(name);
  }

  /** The method bound to a string, or null if Python has none of this name. */
  static Callable find(TaintedText self, String name) {
    Method method = METHODS.get(name);
    if (method != null) {
      return arguments -> method.call(self, arguments);
    }
    if (UNSUPPORTED.contains(name)) {
      throw new TemplateException("the string method '" + name + "' is not supported");
    }
    return null;
  }

  private static Method plain(Change change) {
    return (self, arguments) -> {
      arguments.expect("this string method");
      return change.apply(self);
    };
  }

  private static Method check(CharacterCheck check) {
    return (self, arguments) -> self.length() > 0 && self.text().codePoints().allMatch(check::test);
  }

  private static Method strip(boolean left, boolean right) {
    return (self, arguments) -> {
      Object characters = arguments.expect("strip", "chars").get(0, "chars", None.NONE);
      String cut =
          characters instanceof None ? null : Values.requireText(characters, "strip").text();
      return Texts.strip(self, cut, left, right);
    };
  }

  static TaintedText upper(TaintedText text) {
    return Texts.map(text, s -> s.toUpperCase(Locale.ROOT));
  }

  static TaintedText lower(TaintedText text) {
    return Texts.map(text, s -> s.toLowerCase(Locale.ROOT));
  }

  static TaintedText capitalize(TaintedText text) {
    if (text.length() == 0) {
      return text;
    }
    int first = Character.charCount(text.text().codePointAt(0));
    return titled(text.substring(0, first)).concat(lower(text.substring(first, text.length())));
  }

  /** A letter after a letter is lower case, any other title case. */
  static TaintedText title(TaintedText text) {
    TaintedText.Builder titled = new TaintedText.Builder();
    String source = text.text();
    boolean inWord = false;
    for (int at = 0; at < source.length(); ) {
      int c = source.codePointAt(at);
      int next = at + Character.charCount(c);
      TaintedText one = text.substring(at, next);
      titled.append(inWord ? lower(one) : titled(one));
      inWord = Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
      at = next;
    }
    return titled.build();
  }

  private static TaintedText titled(TaintedText character) {
    int c = character.text().codePointAt(0);
    int title = Character.toTitleCase(c);
    // A character that has no single title case (the sharp s) becomes its upper case, capitalised.
    return title == c
        ? Texts.map(character, TextMethods::capitalizedUpper)
        : Texts.map(character, s -> s.isEmpty() ? s : Character.toString(title));
  }

  private static String capitalizedUpper(String s) {
    String upper = s.toUpperCase(Locale.ROOT);
    if (upper.length() <= s.length()) {
      return s;
    }
    return upper.charAt(0) + upper.substring(1).toLowerCase(Locale.ROOT);
  }

  private static boolean isNumeric(int c) {
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER;
  }

  static boolean isCased(String text, boolean upper) {
    boolean cased = false;
    for (int c : text.codePoints().toArray()) {
      if (upper ? Character.isLowerCase(c) : Character.isUpperCase(c)) {
        return false;
      }
      cased |= upper ? Character.isUpperCase(c) : Character.isLowerCase(c);
    }
    return cased;
  }

  private static boolean affixed(TaintedText self, Arguments arguments, boolean start) {
    Object wanted = arguments.expect("startswith or endswith", "affix").require(0, "affix");
    List<Object> affixes =
        wanted instanceof Sequence s && s.kind() == Sequence.Kind.TUPLE
            ? s.items()
            : List.of(wanted);
    for (Object each : affixes) {
      String affix = Values.requireText(each, "startswith or endswith").text();
      if (start ? self.text().startsWith(affix) : self.text().endsWith(affix)) {
        return true;
      }
    }
    return false;
  }

  private static TaintedText removeAffix(TaintedText self, Arguments arguments, boolean prefix) {
    String affix =
        arguments.expect("removeprefix or removesuffix", "affix").requireText(0, "affix").text();
    if (prefix) {
      return self.text().startsWith(affix) ? self.substring(affix.length(), self.length()) : self;
    }
    return self.text().endsWith(affix) ? self.substring(0, self.length() - affix.length()) : self;
  }

  private static TaintedText replace(TaintedText self, Arguments arguments) {
    arguments.expect("replace", "old", "new", "count");
    return Texts.replace(
        self,
        arguments.requireText(0, "old"),
        arguments.requireText(1, "new"),
        arguments.integer(2, "count", -1));
  }

  static TaintedText join(TaintedText separator, Object items) {
    TaintedText.Builder joined = new TaintedText.Builder();
    int index = 0;
    for (Object item : Values.iterate(items)) {
      if (index > 0) {
        joined.append(separator);
      }
      joined.append(Values.requireText(item, "join: item " + index));
      index++;
    }
    return joined.build();
  }

  private static long find(TaintedText self, Arguments arguments, String method) {
    String wanted = arguments.expect(method, "sub", "start").requireText(0, "sub").text();
    int start = arguments.integer(1, "start", 0);
    int size = Texts.length(self);
    int from = start < 0 ? Math.max(0, start + size) : start;
    if (from > size) {
      return -1;
    }
    int found = self.text().indexOf(wanted, self.text().offsetByCodePoints(0, from));
    return found < 0 ? -1 : self.text().codePointCount(0, found);
  }

  private static long findLast(TaintedText self, Arguments arguments) {
    String wanted = arguments.expect("rfind", "sub").requireText(0, "sub").text();
    int found = self.text().lastIndexOf(wanted);
    return found < 0 ? -1 : self.text().codePointCount(0, found);
  }

  private static long index(TaintedText self, Arguments arguments) {
    long found = find(self, arguments, "index");
    if (found < 0) {
      throw new TemplateException("substring not found");
    }
    return found;
  }

  private static long count(TaintedText self, Arguments arguments) {
    String wanted = arguments.expect("count", "sub").requireText(0, "sub").text();
    if (wanted.isEmpty()) {
      return Texts.length(self) + 1L;
    }
    long count = 0;
    for (int at = self.text().indexOf(wanted);
        at >= 0;
        at = self.text().indexOf(wanted, at + wanted.length())) {
      count++;
    }
    return count;
  }

  private static TaintedText zeroFill(TaintedText self, Arguments arguments) {
    int missing =
        TextFormat.width(arguments.expect("zfill", "width").require(0, "width"))
            - Texts.length(self);
    if (missing <= 0) {
      return self;
    }
    boolean signed = self.text().startsWith("-") || self.text().startsWith("+");
    int sign = signed ? 1 : 0;
    return new TaintedText.Builder()
        .append(self, 0, sign)
        .append("0".repeat(missing), false)
        .append(self, sign, self.length())
        .build();
  }

  private static TaintedText justify(TaintedText self, Arguments arguments, String method) {
    arguments.expect(method, "width", "fillchar");
    TaintedText fill = arguments.text(1, "fillchar", " ");
    int width = TextFormat.width(arguments.require(0, "width"));
    int missing = Math.max(0, width - Texts.length(self));
    // Python's center puts the odd one to the left if the width is odd.
    int left =
        switch (method) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & width & 1);
        };
    List<TaintedText> parts = new ArrayList<>();
    for (int i = 0; i < missing; i++) {
      parts.add(fill);
    }
    parts.add(left, self);
    TaintedText.Builder all = new TaintedText.Builder();
    parts.forEach(all::append);
    return all.build();
  }
}
