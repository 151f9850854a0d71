package dev.millrace.jobs.evaluate.metric;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.spec.Place;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.template.BoundedPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.regex.Pattern;

/**
 * One instruction of IFEval and its arguments. The 25 kinds, their names and their arguments are
 * those of the published set; {@code docs/evaluation.md} says how each is checked. Two differ from
 * the authors' program, which brings libraries for them: sentences end at {@code . ! ?} and white
 * space, and languages are named by {@link LanguageGuess}.
 */
final class InstructionCheck {
  private static final String LESS_THAN = "less than";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final Map<String, Kind> KINDS =
      Map.ofEntries(
          kind("punctuation:no_comma", (text, c) -> text.indexOf(',') < 0),
          kind(
              "length_constraints:number_words",
              (text, c) -> c.related("relation", count(text, "[\\p{L}\\p{N}_]+"), "num_words"),
              "relation",
              "num_words"),
          kind(
              "length_constraints:number_sentences",
              (text, c) -> c.related("relation", sentences(text), "num_sentences"),
              "relation",
              "num_sentences"),
          kind(
              "length_constraints:number_paragraphs",
              InstructionCheck::paragraphs,
              "num_paragraphs"),
          kind(
              "length_constraints:nth_paragraph_first_word",
              InstructionCheck::firstWord,
              "num_paragraphs",
              "nth_paragraph",
              "first_word"),
          kind(
              "detectable_format:number_highlighted_sections",
              InstructionCheck::highlights,
              "num_highlights"),
          kind("detectable_format:number_bullet_lists", InstructionCheck::bullets, "num_bullets"),
          kind("detectable_format:title", (text, c) -> hasTitle(text)),
          kind("detectable_format:json_format", (text, c) -> isJson(text)),
          kind(
              "detectable_format:multiple_sections",
              InstructionCheck::sections,
              "section_spliter",
              "num_sections"),
          kind("detectable_format:constrained_response", (text, c) -> isConstrained(text)),
          kind(
              "detectable_content:number_placeholders",
              (text, c) -> count(text, "\\[.*?\\]") >= c.whole("num_placeholders"),
              "num_placeholders"),
          kind("detectable_content:postscript", InstructionCheck::postscript, "postscript_marker"),
          kind(
              "keywords:existence",
              (text, c) -> c.texts("keywords").stream().allMatch(w -> occurrences(text, w) > 0),
              "keywords"),
          kind(
              "keywords:forbidden_words",
              (text, c) -> c.texts("forbidden_words").stream().noneMatch(w -> isWord(text, w)),
              "forbidden_words"),
          kind(
              "keywords:frequency",
              (text, c) ->
                  c.related("relation", occurrences(text, c.text("keyword").strip()), "frequency"),
              "relation",
              "keyword",
              "frequency"),
          kind(
              "keywords:letter_frequency",
              InstructionCheck::letters,
              "letter",
              "let_relation",
              "let_frequency"),
          kind("combination:two_responses", (text, c) -> isTwoResponses(text)),
          kind(
              "combination:repeat_prompt",
              (text, c) ->
                  lower(text.strip()).startsWith(lower(c.text("prompt_to_repeat").strip())),
              "prompt_to_repeat"),
          kind("startend:end_checker", InstructionCheck::ending, "end_phrase"),
          kind("startend:quotation", (text, c) -> isQuoted(text.strip())),
          kind(
              "change_case:english_capital",
              (text, c) -> isCase(text, true) && LanguageGuess.of(text).equals("en")),
          kind(
              "change_case:english_lowercase",
              (text, c) -> isCase(text, false) && LanguageGuess.of(text).equals("en")),
          kind(
              "change_case:capital_word_frequency",
              InstructionCheck::capitalWords,
              "capital_relation",
              "capital_frequency"),
          kind(
              "language:response_language",
              (text, c) -> LanguageGuess.of(text).equals(c.text("language")),
              "language"));

  /** What an answer is looked at for, and the arguments that this takes. */
  private record Kind(BiPredicate<String, InstructionCheck> check, List<String> arguments) {}

  /** What an argument may be. */
  private enum Type {
    TEXT("a text that is not empty"),
    TEXTS("a list of texts"),
    WHOLE("a whole number"),
    RELATION("'less than' or 'at least'");

    private final String label;

    Type(String label) {
      this.label = label;
    }

    static Type of(String argument) {
      return switch (argument) {
        case "relation", "let_relation", "capital_relation" -> RELATION;
        case "keywords", "forbidden_words" -> TEXTS;
        case "section_spliter", "first_word", "postscript_marker", "keyword", "letter" -> TEXT;
        case "prompt_to_repeat", "end_phrase", "language" -> TEXT;
        default -> WHOLE;
      };
    }

    boolean takes(Object value) {
      return switch (this) {
        case TEXT -> value instanceof String text && !text.isEmpty();
        case TEXTS -> value instanceof List<?> list && list.stream().allMatch(TEXT::takes);
        case WHOLE -> value instanceof Number number && number.doubleValue() == number.intValue();
        case RELATION -> LESS_THAN.equals(value) || "at least".equals(value);
      };
    }
  }

  private static Map.Entry<String, Kind> kind(
      String id, BiPredicate<String, InstructionCheck> check, String... arguments) {
    return Map.entry(id, new Kind(check, List.of(arguments)));
  }

  private final Map<?, ?> arguments;
  private final BiPredicate<String, InstructionCheck> check;

  private InstructionCheck(Map<?, ?> arguments, BiPredicate<String, InstructionCheck> check) {
    this.arguments = arguments;
    this.check = check;
  }

  /**
   * A check.
   *
   * @throws IllegalArgumentException if the instruction is not known, lacks an argument or has one
   *     of another type
   */
  static InstructionCheck of(String id, Object arguments) {
    Kind kind = KINDS.get(id);
    if (kind == null) {
      throw new IllegalArgumentException("ifeval: unknown instruction '" + id + "'");
    }
    Map<?, ?> named = arguments instanceof Map<?, ?> map ? map : Map.of();
    for (String name : kind.arguments()) {
      if (named.get(name) == null) {
        throw new IllegalArgumentException(
            "ifeval: instruction '" + id + "' lacks its argument '" + name + "' in kwargs");
      }
      if (!Type.of(name).takes(named.get(name))) {
        throw new IllegalArgumentException(
            "ifeval: instruction '%s' expects %s as its argument '%s' in kwargs, found %s"
                .formatted(id, Type.of(name).label, name, named.get(name)));
      }
    }
    return new InstructionCheck(named, kind.check());
  }

  boolean follows(String answer) {
    return check.test(answer, this);
  }

  private String text(String name) {
    return (String) arguments.get(name);
  }

  private int whole(String name) {
    return ((Number) arguments.get(name)).intValue();
  }

  private List<String> texts(String name) {
    return ((List<?>) arguments.get(name)).stream().map(String.class::cast).toList();
  }

  /** {@code at least} or {@code less than}. */
  private boolean related(String relation, int found, String wanted) {
    return text(relation).equals(LESS_THAN) ? found < whole(wanted) : found >= whole(wanted);
  }

  private static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  private static List<String> all(String text, String pattern) {
    PlacedText source = new PlacedText("ifeval", pattern, new Place("built in", 1, 1));
    return BoundedPattern.compile(source).all(text, 0);
  }

  private static int count(String text, String pattern) {
    return all(text, pattern).size();
  }

  private static int occurrences(String text, String word) {
    return count(text, "(?iu)" + Pattern.quote(word));
  }

  private static boolean isWord(String text, String word) {
    return count(text, "(?iu)(?<![\\p{L}\\p{N}_])" + Pattern.quote(word) + "(?![\\p{L}\\p{N}_])")
        > 0;
  }

  private static int sentences(String text) {
    int sentences = 0;
    for (String piece : Pattern.compile("(?<=[.!?])\\s+").split(text.strip(), -1)) {
      sentences += count(piece, "[\\p{L}\\p{N}]") > 0 ? 1 : 0;
    }
    return sentences;
  }

  private static boolean paragraphs(String text, InstructionCheck c) {
    String[] pieces = text.split("\\s?\\*\\*\\*\\s?", -1);
    int count = pieces.length;
    for (int i = 0; i < pieces.length; i++) {
      if (pieces[i].isBlank()) {
        if (i > 0 && i < pieces.length - 1) {
          return false;
        }
        count--;
      }
    }
    return count == c.whole("num_paragraphs");
  }

  private static boolean firstWord(String text, InstructionCheck c) {
    List<String> paragraphs = new ArrayList<>();
    for (String piece : text.split("\n\n", -1)) {
      if (!piece.isBlank()) {
        paragraphs.add(piece.strip());
      }
    }
    int nth = c.whole("nth_paragraph");
    if (paragraphs.size() != c.whole("num_paragraphs") || nth > paragraphs.size() || nth < 1) {
      return false;
    }
    String word = paragraphs.get(nth - 1).split("\\s+", 2)[0];
    List<String> letters = all(lower(word), "[\\p{L}\\p{N}_-]+");
    return !letters.isEmpty() && letters.get(0).equals(lower(c.text("first_word")));
  }

  private static boolean highlights(String text, InstructionCheck c) {
    int count = 0;
    for (String each : all(text, "\\*[^\\n*]*\\*")) {
      count += each.replace("*", "").isBlank() ? 0 : 1;
    }
    for (String each : all(text, "\\*\\*[^\\n*]*\\*\\*")) {
      count += each.replace("*", "").isBlank() ? 0 : 1;
    }
    return count >= c.whole("num_highlights");
  }

  private static boolean bullets(String text, InstructionCheck c) {
    int count = 0;
    for (String line : text.split("\n", -1)) {
      String plain = line.stripLeading();
      boolean star = plain.startsWith("*") && plain.length() > 1 && plain.charAt(1) != '*';
      count += star || plain.startsWith("-") ? 1 : 0;
    }
    return count == c.whole("num_bullets");
  }

  private static boolean hasTitle(String text) {
    return all(text, "<<[^\\n]+>>").stream()
        .anyMatch(each -> !each.replace("<", "").replace(">", "").isBlank());
  }

  private static boolean isJson(String text) {
    String plain = text.strip();
    for (String fence : List.of("```json", "```Json", "```JSON", "```")) {
      plain = plain.startsWith(fence) ? plain.substring(fence.length()) : plain;
    }
    plain = plain.endsWith("```") ? plain.substring(0, plain.length() - 3) : plain;
    try {
      return !plain.isBlank() && JSON.readTree(plain.strip()) != null;
    } catch (JsonProcessingException e) {
      return false; // which is what was asked
    }
  }

  private static boolean sections(String text, InstructionCheck c) {
    String splitter = Pattern.quote(c.text("section_spliter").strip());
    return count(text, "\\s?" + splitter + "\\s?[0-9]+\\s?") >= c.whole("num_sections");
  }

  private static boolean isConstrained(String text) {
    return List.of("My answer is yes.", "My answer is no.", "My answer is maybe.").stream()
        .anyMatch(text.strip()::contains);
  }

  private static boolean postscript(String text, InstructionCheck c) {
    String marker = c.text("postscript_marker");
    String pattern =
        switch (marker) {
          case "P.P.S" -> "p\\.\\s?p\\.\\s?s";
          case "P.S." -> "p\\.\\s?s\\.";
          default -> Pattern.quote(lower(marker));
        };
    return count(lower(text), pattern) > 0;
  }

  private static boolean letters(String text, InstructionCheck c) {
    String letter = lower(c.text("letter"));
    int count = 0;
    String plain = lower(text);
    for (int at = plain.indexOf(letter); at >= 0; at = plain.indexOf(letter, at + 1)) {
      count++;
    }
    return c.related("let_relation", count, "let_frequency");
  }

  private static boolean isTwoResponses(String text) {
    String[] pieces = Pattern.compile("******", Pattern.LITERAL).split(text, -1);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < pieces.length; i++) {
      if (!pieces[i].isBlank()) {
        found.add(pieces[i].strip());
      } else if (i > 0 && i < pieces.length - 1) {
        return false;
      }
    }
    return found.size() == 2 && !found.get(0).equals(found.get(1));
  }

  private static boolean ending(String text, InstructionCheck c) {
    String plain = text.strip();
    int from = 0;
    int to = plain.length();
    while (from < to && plain.charAt(from) == '"') {
      from++;
    }
    while (to > from && plain.charAt(to - 1) == '"') {
      to--;
    }
    return lower(plain.substring(from, to)).endsWith(lower(c.text("end_phrase").strip()));
  }

  private static boolean isQuoted(String text) {
    return text.length() > 1 && text.startsWith("\"") && text.endsWith("\"");
  }

  /** At least one letter that has a case, and all of them have this one. */
  private static boolean isCase(String text, boolean upper) {
    boolean right =
        text.codePoints()
            .anyMatch(p -> upper ? Character.isUpperCase(p) : Character.isLowerCase(p));
    boolean wrong =
        text.codePoints()
            .anyMatch(
                p ->
                    Character.isTitleCase(p)
                        || (upper ? Character.isLowerCase(p) : Character.isUpperCase(p)));
    return right && !wrong;
  }

  private static boolean capitalWords(String text, InstructionCheck c) {
    int count = 0;
    for (String word : all(text, "[\\p{L}\\p{N}_]+(?:['’-][\\p{L}\\p{N}_]+)*")) {
      count += isCase(word, true) ? 1 : 0;
    }
    return c.related("capital_relation", count, "capital_frequency");
  }
}
