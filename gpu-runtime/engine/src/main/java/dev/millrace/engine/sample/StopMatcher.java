package dev.millrace.engine.sample;

import java.util.List;

/**
 * Looks for stop texts in the text of one choice as it grows. The match is the one that is complete
 * first when the text is read character by character, the longest one if several end there: how the
 * text was cut into tokens does not matter.
 */
public final class StopMatcher {
  private final List<String> stops;
  private final StringBuilder text = new StringBuilder();
  private String matched;
  private int matchStart = -1;

  /**
   * @param stops texts that end the choice; none is empty
   */
  public StopMatcher(List<String> stops) {
    this.stops = List.copyOf(stops);
  }

  /**
   * Adds text.
   *
   * @param active whether a match may end in this piece ({@code minTokens} is reached); it may
   *     begin before
   * @return whether a stop text is complete; nothing may be added after it
   */
  public boolean append(String piece, boolean active) {
    if (matched != null) {
      throw new IllegalStateException("the choice has ended at the stop text '" + matched + "'");
    }
    int pieceStart = text.length();
    text.append(piece);
    if (!active || piece.isEmpty()) {
      return false;
    }
    int matchEnd = Integer.MAX_VALUE;
    for (String stop : stops) {
      int from = Math.max(0, pieceStart - stop.length() + 1);
      int start = text.indexOf(stop, from);
      int end = start + stop.length();
      if (start >= 0 && (end < matchEnd || (end == matchEnd && start < matchStart))) {
        matchEnd = end;
        matchStart = start;
        matched = stop;
      }
    }
    return matched != null;
  }

  /** The stop text that was found, or null. */
  public String matched() {
    return matched;
  }

  /** The text up to the match, with it if asked; all text if there is none. */
  public String text(boolean includeStop) {
    if (matched == null) {
      return text.toString();
    }
    return text.substring(0, includeStop ? matchStart + matched.length() : matchStart);
  }
}
