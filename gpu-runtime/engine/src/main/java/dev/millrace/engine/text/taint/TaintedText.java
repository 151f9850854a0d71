package dev.millrace.engine.text.taint;

import java.util.Arrays;
import java.util.Objects;

/**
 * A string that knows which of its characters came from data (a user's message) and which from
 * trusted text (a chat template). Special tokens may be read out of the latter only.
 *
 * <p>Positions count UTF-16 units, as {@link String} does. Data ranges are sorted, disjoint, not
 * adjacent pairs {@code [start, end)}. Immutable.
 */
public final class TaintedText {
  private static final int[] NO_DATA = {};
  public static final TaintedText EMPTY = new TaintedText("", NO_DATA);

  private final String text;
  private final int[] dataRanges;

  private TaintedText(String text, int[] dataRanges) {
    this.text = text;
    this.dataRanges = dataRanges;
  }

  /** Text that may hold special tokens. */
  public static TaintedText trusted(String text) {
    return new TaintedText(Objects.requireNonNull(text, "text"), NO_DATA);
  }

  /** Text no special token is read from. */
  public static TaintedText data(String text) {
    return new TaintedText(text, text.isEmpty() ? NO_DATA : new int[] {0, text.length()});
  }

  public String text() {
    return text;
  }

  public int length() {
    return text.length();
  }

  /** The pairs {@code start, end} of the parts that came from data; a copy. */
  public int[] dataRanges() {
    return dataRanges.clone();
  }

  /** Whether any character of {@code [start, end)} came from data. */
  public boolean hasData(int start, int end) {
    int i = firstRangeEndingAfter(start);
    return i < dataRanges.length && dataRanges[i] < end;
  }

  public boolean hasData() {
    return dataRanges.length > 0;
  }

  /** The part {@code [start, end)}, each character as trusted or not as it was. */
  public TaintedText substring(int start, int end) {
    if (start == 0 && end == text.length()) {
      return this;
    }
    String part = text.substring(start, end);
    int from = firstRangeEndingAfter(start);
    int to = from;
    while (to < dataRanges.length && dataRanges[to] < end) {
      to += 2;
    }
    if (from == to || part.isEmpty()) {
      return new TaintedText(part, NO_DATA);
    }
    int[] ranges = Arrays.copyOfRange(dataRanges, from, to);
    for (int i = 0; i < ranges.length; i++) {
      ranges[i] = Math.min(Math.max(ranges[i], start), end) - start;
    }
    return new TaintedText(part, ranges);
  }

  public TaintedText concat(TaintedText other) {
    return new Builder().append(this).append(other).build();
  }

  /** Index in {@link #dataRanges} of the first pair that ends after a position. */
  private int firstRangeEndingAfter(int position) {
    int low = 0;
    int high = dataRanges.length / 2;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (dataRanges[2 * middle + 1] <= position) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return 2 * low;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TaintedText that
        && text.equals(that.text)
        && Arrays.equals(dataRanges, that.dataRanges);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  /** The text alone. */
  @Override
  public String toString() {
    return text;
  }

  /** Puts a tainted text together piece by piece. Not thread-safe. */
  public static final class Builder {
    private final StringBuilder text = new StringBuilder();
    private int[] ranges = NO_DATA;
    private int rangesLength;

    public Builder append(TaintedText piece) {
      return append(piece, 0, piece.length());
    }

    public Builder append(TaintedText piece, int start, int end) {
      int base = text.length() - start;
      text.append(piece.text, start, end);
      for (int i = piece.firstRangeEndingAfter(start);
          i < piece.dataRanges.length && piece.dataRanges[i] < end;
          i += 2) {
        mark(
            base + Math.max(piece.dataRanges[i], start),
            base + Math.min(piece.dataRanges[i + 1], end));
      }
      return this;
    }

    public Builder append(String piece, boolean data) {
      int start = text.length();
      text.append(piece);
      if (data) {
        mark(start, text.length());
      }
      return this;
    }

    public int length() {
      return text.length();
    }

    public TaintedText build() {
      int[] marked = rangesLength == 0 ? NO_DATA : Arrays.copyOf(ranges, rangesLength);
      return new TaintedText(text.toString(), marked);
    }

    private void mark(int start, int end) {
      if (start == end) {
        return;
      }
      if (rangesLength > 0 && ranges[rangesLength - 1] == start) {
        ranges[rangesLength - 1] = end;
        return;
      }
      if (rangesLength == ranges.length) {
        ranges = Arrays.copyOf(ranges, Math.max(8, 2 * rangesLength));
      }
      ranges[rangesLength++] = start;
      ranges[rangesLength++] = end;
    }
  }
}
