package dev.millrace.pipeline.group;

import java.io.Serializable;

/**
 * A unit of work: what crosses a shuffle in place of its rows.
 *
 * @param number from 0, in the order of work
 * @param rows its requests
 * @param promptTokens their prompt tokens
 * @param hash of all its requests, lower-case hexadecimal; names its journal
 */
public record Chunk(int number, int rows, long promptTokens, String hash) implements Serializable {
  /** Its file below the stage folder. */
  public String fileName() {
    return "chunks/" + String.format(java.util.Locale.ROOT, "%06d", number) + ".arrow";
  }
}
