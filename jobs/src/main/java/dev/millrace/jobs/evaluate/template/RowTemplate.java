package dev.millrace.jobs.evaluate.template;

import dev.millrace.engine.text.jinja.Template;
import dev.millrace.engine.text.jinja.TemplateSyntaxException;
import dev.millrace.engine.text.jinja.value.DataValues;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.spec.Suggestion;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A template over the columns of a row, in the subset of Jinja that chat templates are written in.
 * What a row holds is data: it is printed and never evaluated. A name that the row does not have is
 * an error, not an empty text, so that a mistyped column cannot pass as a hard question.
 */
public final class RowTemplate {
  private static final Pattern PRINTED = Pattern.compile("\\{\\{-?\\s*([A-Za-z_]\\w*)");
  private static final Pattern DEFINED =
      Pattern.compile("\\{%-?\\s*(?:set|for|macro)\\s+([A-Za-z_][\\w, ]*)");
  private static final Set<String> GLOBALS =
      Set.of("range", "loop", "namespace", "true", "false", "none", "not", "dict");

  /** Templates see no clock: the same row gives the same prompt every night. */
  private static final ZonedDateTime NO_TIME =
      ZonedDateTime.of(2000, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC);

  private final PlacedText source;
  private final Template template;
  private final Set<String> names;

  private RowTemplate(PlacedText source, Template template, Set<String> names) {
    this.source = source;
    this.template = template;
    this.names = names;
  }

  /**
   * Compiles a template.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if it cannot be, with its place
   */
  public static RowTemplate compile(PlacedText source) {
    try {
      return new RowTemplate(source, Template.compile(source.text()), names(source.text()));
    } catch (TemplateSyntaxException e) {
      throw source
          .place()
          .error(source.key() + ": " + e.getMessage() + " of the template", "Correct it.", e);
    }
  }

  private static Set<String> names(String text) {
    Set<String> printed = new HashSet<>();
    Matcher matcher = PRINTED.matcher(text);
    while (matcher.find()) {
      printed.add(matcher.group(1));
    }
    printed.removeAll(GLOBALS);
    Matcher defined = DEFINED.matcher(text);
    while (defined.find()) {
      for (String name : defined.group(1).split("[, ]+", -1)) {
        printed.remove(name);
      }
    }
    return printed;
  }

  /**
   * The text for one row.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if the template fails on it
   */
  public String render(Map<String, Object> row) {
    for (String name : names) {
      if (!row.containsKey(name)) {
        throw source
            .place()
            .error(
                source.key() + ": expected a column '" + name + "', found none",
                Suggestion.nearest(name, row.keySet())
                    .map(nearest -> "Did you mean '" + nearest + "'?")
                    .orElse("The columns are " + String.join(", ", row.keySet()) + "."));
      }
    }
    try {
      Map<String, Object> variables = new HashMap<>();
      row.forEach((name, value) -> variables.put(name, DataValues.of(value)));
      return template.render(variables, () -> NO_TIME).text();
    } catch (TemplateException e) {
      throw source
          .place()
          .error(source.key() + ": the template fails: " + e.getMessage(), "Correct it.", e);
    }
  }
}
