package dev.millrace.jobs.evaluate.extract;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.spec.ExtractSpec;
import dev.millrace.jobs.evaluate.spec.Place;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.template.BoundedPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A chain of ways to find the answer: the first that finds one wins. Thread-safe. */
public final class Extractor {
  private static final Place BUILT_IN = new Place("built in", 1, 1);

  /** A number as people write it: sign, thousands separators, decimals. */
  private static final BoundedPattern NUMBER =
      builtIn("-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\\.[0-9]+)?|-?\\.[0-9]+");

  /** A choice named by its letter: "(B)", "B.", "Answer: B", or alone. */
  private static final List<BoundedPattern> LETTERS =
      List.of(
          builtIn("(?i:answer|option|choice)(?i: is)?[:\\s]*\\(?([A-Z])\\b"),
          builtIn("\\(([A-Z])\\)"),
          builtIn("(?<![A-Za-z'])([A-Z])(?=[.):]|\\s*$)"));

  private static final Pattern FENCE =
      Pattern.compile("```[A-Za-z0-9_+-]*[ \\t]*\\r?\\n(.*?)```", Pattern.DOTALL);

  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<Function<String, Optional<String>>> ways;

  private Extractor(List<Function<String, Optional<String>>> ways) {
    this.ways = List.copyOf(ways);
  }

  private static BoundedPattern builtIn(String pattern) {
    return BoundedPattern.compile(new PlacedText("extract", pattern, BUILT_IN));
  }

  /**
   * An extractor; with no way it takes the whole text.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if a pattern or path cannot be compiled
   */
  public static Extractor of(List<ExtractSpec> specs) {
    return new Extractor(specs.stream().map(Extractor::way).toList());
  }

  /** The answer, or null if there is none to be found. */
  public String extract(String text) {
    if (ways.isEmpty()) {
      return text;
    }
    for (Function<String, Optional<String>> way : ways) {
      Optional<String> found = way.apply(text);
      if (found.isPresent()) {
        return found.get();
      }
    }
    return null;
  }

  private static Function<String, Optional<String>> way(ExtractSpec spec) {
    return switch (spec.kind()) {
      case REGEX -> regex(spec);
      case LAST_NUMBER -> text -> last(NUMBER.all(text, 0)).map(n -> n.replace(",", ""));
      case LETTER -> Extractor::letter;
      case JSON -> json(spec.argument());
      case FIRST_LINE -> text -> text.lines().filter(l -> !l.isBlank()).findFirst();
      case CODE -> text -> Optional.of(code(text));
    };
  }

  private static Function<String, Optional<String>> regex(ExtractSpec spec) {
    BoundedPattern pattern = BoundedPattern.compile(spec.argument());
    return text -> {
      List<String> found = pattern.all(text, spec.group());
      return spec.last() ? last(found) : found.stream().findFirst();
    };
  }

  private static Optional<String> last(List<String> found) {
    return found.isEmpty() ? Optional.empty() : Optional.of(found.get(found.size() - 1));
  }

  private static Optional<String> letter(String text) {
    for (BoundedPattern pattern : LETTERS) {
      Optional<String> found = last(pattern.all(text, 1));
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  /** The last fenced block of code, else the whole text. */
  private static String code(String text) {
    Matcher matcher = FENCE.matcher(text);
    String found = null;
    while (matcher.find()) {
      found = matcher.group(1);
    }
    return found == null ? text : found;
  }

  /** A path such as {@code $.answer.items[0]} in the first JSON object or array of the text. */
  private static Function<String, Optional<String>> json(PlacedText path) {
    List<String> steps = steps(path);
    return text -> {
      JsonNode node = firstJson(text);
      for (String step : steps) {
        if (node == null) {
          return Optional.empty();
        }
        node =
            node.isArray() && step.matches("[0-9]{1,6}")
                ? node.get(Integer.parseInt(step))
                : node.get(step);
      }
      return node == null || node.isNull()
          ? Optional.empty()
          : Optional.of(node.isValueNode() ? node.asText() : node.toString());
    };
  }

  private static List<String> steps(PlacedText path) {
    Matcher matcher =
        Pattern.compile("\\.([A-Za-z_][\\w-]*)|\\[([0-9]{1,6})]|\\['([^']*)']")
            .matcher(path.text());
    List<String> steps = new ArrayList<>();
    int end = path.text().startsWith("$") ? 1 : -1;
    while (end >= 0 && end < path.text().length() && matcher.find(end) && matcher.start() == end) {
      for (int i = 1; i <= 3; i++) {
        if (matcher.group(i) != null) {
          steps.add(matcher.group(i));
        }
      }
      end = matcher.end();
    }
    if (end != path.text().length()) {
      throw path.place()
          .error(
              path.key() + ": expected a path such as $.answer[0], found '" + path.text() + "'",
              "Write names as .name or ['name'] and indexes as [0].");
    }
    return steps;
  }

  /** Tries at most so many beginnings: text full of braces must not cost its square. */
  private static final int JSON_TRIES = 64;

  private static JsonNode firstJson(String text) {
    int tries = 0;
    for (int i = 0; i < text.length() && tries < JSON_TRIES; i++) {
      char c = text.charAt(i);
      if (c != '{' && c != '[') {
        continue;
      }
      try {
        JsonNode node = JSON.readTree(text.substring(i));
        if (node != null && node.isContainerNode()) {
          return node;
        }
      } catch (JsonProcessingException e) {
        tries++; // no JSON begins here; the next brace may be one
      }
    }
    return null;
  }
}
