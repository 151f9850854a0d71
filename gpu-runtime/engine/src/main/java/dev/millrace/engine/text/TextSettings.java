package dev.millrace.engine.text;

import java.io.Serializable;
import java.time.Clock;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How a job wants its prompts read.
 *
 * @param parseSpecialTokens whether special tokens spelled in prompts and messages become those
 *     tokens; only for input that is trusted
 * @param templateName which of a model's chat templates; most have one, {@code default}
 * @param templateVariables what the chat template sees besides ({@code enable_thinking}, say)
 * @param clock what a template that writes the date is told
 */
public record TextSettings(
    boolean parseSpecialTokens,
    String templateName,
    Map<String, Object> templateVariables,
    Clock clock)
    implements Serializable {
  /** What a template sees by these names, every conversation brings itself. */
  private static final List<String> TAKEN = List.of("messages", "add_generation_prompt");

  /**
   * @throws IllegalArgumentException if a variable has a name that is taken
   */
  public TextSettings {
    Objects.requireNonNull(templateName, "templateName");
    Objects.requireNonNull(clock, "clock");
    // Values may be null, which Map.copyOf refuses.
    templateVariables = Collections.unmodifiableMap(new LinkedHashMap<>(templateVariables));
    for (String name : TAKEN) {
      if (templateVariables.containsKey(name)) {
        throw new IllegalArgumentException(
            "template_variables: expected names other than %s, which each prompt sets itself, found %s"
                .formatted(String.join(" and ", TAKEN), name));
      }
    }
  }

  /** Special tokens from the template alone, the default template, nothing besides. */
  public static TextSettings defaults() {
    return new TextSettings(
        false, TokenizerConfig.DEFAULT_TEMPLATE, Map.of(), Clock.systemDefaultZone());
  }

  public TextSettings withParseSpecialTokens(boolean parse) {
    return new TextSettings(parse, templateName, templateVariables, clock);
  }

  public TextSettings withTemplateName(String name) {
    return new TextSettings(parseSpecialTokens, name, templateVariables, clock);
  }

  public TextSettings withTemplateVariables(Map<String, Object> variables) {
    return new TextSettings(parseSpecialTokens, templateName, variables, clock);
  }

  public TextSettings withClock(Clock newClock) {
    return new TextSettings(parseSpecialTokens, templateName, templateVariables, newClock);
  }
}
