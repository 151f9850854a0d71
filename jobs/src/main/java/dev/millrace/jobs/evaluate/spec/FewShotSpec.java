package dev.millrace.jobs.evaluate.spec;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Examples before each row. An example whose prompt is the row's own is never among them.
 *
 * @param k how many
 * @param draw which ones
 * @param seed of the draw
 * @param data where examples come from; null takes the task's own rows
 * @param examples fixed ones, in place of data; empty if there are none
 * @param match template that must be equal for row and example (a subject, say), or null
 * @param answer template of an example's answer; null takes the task's target or right choice
 * @param delimiter between an example's prompt and its answer
 * @param separator between examples, and between the last one and the row
 * @param turns each example as a user and an assistant turn of a chat
 */
public record FewShotSpec(
    int k,
    Draw draw,
    long seed,
    DataSpec data,
    List<Map<String, Object>> examples,
    PlacedText match,
    PlacedText answer,
    String delimiter,
    String separator,
    boolean turns) {
  public FewShotSpec {
    Objects.requireNonNull(draw, "draw");
    examples = List.copyOf(examples);
    Objects.requireNonNull(delimiter, "delimiter");
    Objects.requireNonNull(separator, "separator");
  }

  /** Which examples a row gets. */
  public enum Draw {
    /** The first ones in their order. */
    FIRST,
    /** Drawn once for all rows: equal prefixes are computed once. */
    SHARED,
    /** Drawn for each row by its id. */
    PER_ROW
  }
}
