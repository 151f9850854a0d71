package dev.millrace.jobs.evaluate.metric;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** Named steps that make answers comparable, applied in the order given. */
final class TextNormaliser {
  /** ASCII punctuation, as Python's {@code string.punctuation}. */
  private static final Pattern PUNCTUATION =
      Pattern.compile("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]");

  private static final Pattern ARTICLES = Pattern.compile("\\b(a|an|the)\\b");
  private static final Pattern SPACES = Pattern.compile("\\s+");
  private static final Pattern THOUSANDS = Pattern.compile("(?<=[0-9]),(?=[0-9]{3}(?![0-9]))");
  private static final Map<String, UnaryOperator<String>> STEPS = new TreeMap<>();

  static {
    STEPS.put("strip", String::strip);
    STEPS.put("lower", text -> text.toLowerCase(Locale.ROOT));
    STEPS.put("punctuation", text -> PUNCTUATION.matcher(text).replaceAll(""));
    STEPS.put("articles", text -> ARTICLES.matcher(text).replaceAll(" "));
    STEPS.put("whitespace", text -> SPACES.matcher(text).replaceAll(" ").strip());
    STEPS.put("thousands", text -> THOUSANDS.matcher(text).replaceAll(""));
    STEPS.put("currency", text -> text.replace("$", "").replace("€", "").replace("£", ""));
    STEPS.put(
        "final_dot", text -> text.endsWith(".") ? text.substring(0, text.length() - 1) : text);
    STEPS.put("unicode", text -> Normalizer.normalize(text, Normalizer.Form.NFKC));
  }

  private final List<UnaryOperator<String>> steps;

  private TextNormaliser(List<UnaryOperator<String>> steps) {
    this.steps = List.copyOf(steps);
  }

  /**
   * A normaliser.
   *
   * @throws IllegalArgumentException if a name is not known
   */
  static TextNormaliser of(Object names) {
    List<UnaryOperator<String>> steps = new ArrayList<>();
    Collection<?> list = names instanceof Collection<?> several ? several : List.of(names);
    for (Object name : list) {
      UnaryOperator<String> step = STEPS.get(String.valueOf(name));
      if (step == null) {
        throw new IllegalArgumentException(
            "expected steps of " + String.join(", ", STEPS.keySet()) + "; found '" + name + "'");
      }
      steps.add(step);
    }
    return new TextNormaliser(steps);
  }

  String apply(String text) {
    String result = text;
    for (UnaryOperator<String> step : steps) {
      result = step.apply(result);
    }
    return result;
  }
}
