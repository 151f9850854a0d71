package dev.millrace.jobs.evaluate.spec;

import java.util.Objects;

/**
 * One way to get the answer out of what the model said.
 *
 * @param kind which
 * @param argument pattern or path, or null where the kind needs none
 * @param group group of the pattern that holds the answer
 * @param last the last match in place of the first
 */
public record ExtractSpec(Kind kind, PlacedText argument, int group, boolean last) {
  public ExtractSpec {
    Objects.requireNonNull(kind, "kind");
  }

  /** The ways there are. */
  public enum Kind {
    REGEX,
    LAST_NUMBER,
    LETTER,
    JSON,
    FIRST_LINE,
    CODE
  }
}
