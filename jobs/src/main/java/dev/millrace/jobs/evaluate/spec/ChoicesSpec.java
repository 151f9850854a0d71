package dev.millrace.jobs.evaluate.spec;

import java.util.List;
import java.util.Objects;

/**
 * The choices of a multiple-choice row.
 *
 * @param column column that holds a list of them, or null
 * @param templates one template a choice; empty with a column
 * @param delimiter put before each choice when it is scored, and before the answer of an example
 * @param answer template that says which is right
 * @param by what that template gives
 * @param labels what choices are called in their order, for {@link By#LABEL}; else empty
 * @param context template of what is asked, rendered with each {@code choice}, if the choices stand
 *     in the question and not after it; else null
 * @param continuation template of what is scored after the context; null without one
 */
public record ChoicesSpec(
    PlacedText column,
    List<PlacedText> templates,
    String delimiter,
    PlacedText answer,
    By by,
    List<String> labels,
    PlacedText context,
    PlacedText continuation) {
  public ChoicesSpec {
    templates = List.copyOf(templates);
    labels = List.copyOf(labels);
    Objects.requireNonNull(delimiter, "delimiter");
    Objects.requireNonNull(answer, "answer");
    Objects.requireNonNull(by, "by");
  }

  /** How the right choice is named; never guessed, because a choice may well be the text "2". */
  public enum By {
    /** Its index from 0. */
    INDEX,
    /** Its letter from A. */
    LETTER,
    /** One of the labels. */
    LABEL,
    /** Its own text. */
    TEXT
  }
}
