package dev.millrace.jobs.evaluate.spec;

import java.util.List;
import java.util.Objects;

/**
 * Where rows come from.
 *
 * @param inputs files, folders and globs, as paths that need no working directory
 * @param shown the same as the spec has them
 * @param id column that names a row, or null: rows are named by file and index
 * @param cluster template of what rows share (a passage, a subject), or null: each row stands alone
 * @param columns columns that are computed from others, in order
 * @param split pattern at which a plain text file falls into rows, or null: it is one row
 * @param limit take only the first so many rows; 0 takes all
 * @param sample take so many rows drawn with the night's seed, in file order; 0 takes all
 * @param place for errors
 */
public record DataSpec(
    List<String> inputs,
    List<String> shown,
    String id,
    PlacedText cluster,
    List<Column> columns,
    PlacedText split,
    long limit,
    int sample,
    Place place) {
  public DataSpec {
    inputs = List.copyOf(inputs);
    shown = List.copyOf(shown);
    columns = List.copyOf(columns);
    Objects.requireNonNull(place, "place");
  }

  /**
   * A column that a pattern takes out of another, or a template makes.
   *
   * @param name of the new column
   * @param from the column it is taken from; null for a template
   * @param pattern its first group (or the whole match) is the value; null for a template
   * @param all a list of all matches in place of the first one
   * @param template makes the value out of the row; null for a pattern
   */
  public record Column(
      String name, String from, PlacedText pattern, boolean all, PlacedText template) {}
}
