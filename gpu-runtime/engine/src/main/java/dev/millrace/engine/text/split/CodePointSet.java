package dev.millrace.engine.text.split;

import java.util.Arrays;

/**
 * An immutable set of Unicode code points with constant-time lookup in the basic plane.
 *
 * <p>Ranges are sorted, disjoint, not adjacent pairs {@code [start, end)}.
 */
final class CodePointSet {
  private static final int BASIC_PLANE = 0x10000;
  static final int CODE_POINTS = 0x110000;

  private final int[] ranges;
  private final long[] basicPlane = new long[BASIC_PLANE / 64];
  private final int[] supplementary;

  /** Takes sorted, disjoint pairs; builds the lookup tables. */
  private CodePointSet(int[] ranges) {
    this.ranges = ranges;
    int firstHigh = ranges.length;
    for (int i = ranges.length - 2; i >= 0; i -= 2) {
      if (ranges[i + 1] > BASIC_PLANE) {
        firstHigh = i;
      }
      for (int c = ranges[i]; c < Math.min(ranges[i + 1], BASIC_PLANE); c++) {
        basicPlane[c >> 6] |= 1L << c;
      }
    }
    supplementary = Arrays.copyOfRange(ranges, firstHigh, ranges.length);
  }

  /** The union of any pairs {@code [start, end)}, in any order, overlapping or not. */
  static CodePointSet ofRanges(int[] pairs) {
    long[] sorted = new long[pairs.length / 2];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = (long) pairs[2 * i] << 32 | pairs[2 * i + 1];
    }
    Arrays.sort(sorted);
    int[] merged = new int[pairs.length];
    int length = 0;
    for (long pair : sorted) {
      int start = (int) (pair >> 32);
      int end = (int) pair;
      if (length > 0 && start <= merged[length - 1]) {
        merged[length - 1] = Math.max(end, merged[length - 1]);
      } else if (start < end) {
        merged[length++] = start;
        merged[length++] = end;
      }
    }
    return new CodePointSet(Arrays.copyOf(merged, length));
  }

  static CodePointSet of(int... codePoints) {
    int[] pairs = new int[codePoints.length * 2];
    for (int i = 0; i < codePoints.length; i++) {
      pairs[2 * i] = codePoints[i];
      pairs[2 * i + 1] = codePoints[i] + 1;
    }
    return ofRanges(pairs);
  }

  CodePointSet union(CodePointSet other) {
    int[] pairs = Arrays.copyOf(ranges, ranges.length + other.ranges.length);
    System.arraycopy(other.ranges, 0, pairs, ranges.length, other.ranges.length);
    return ofRanges(pairs);
  }

  CodePointSet complement() {
    int[] pairs = new int[ranges.length + 2];
    System.arraycopy(ranges, 0, pairs, 1, ranges.length);
    pairs[pairs.length - 1] = CODE_POINTS;
    return ofRanges(pairs);
  }

  boolean contains(int codePoint) {
    if (codePoint < BASIC_PLANE) {
      return (basicPlane[codePoint >> 6] & 1L << codePoint) != 0;
    }
    int low = 0;
    int high = supplementary.length / 2 - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (codePoint < supplementary[2 * middle]) {
        high = middle - 1;
      } else if (codePoint >= supplementary[2 * middle + 1]) {
        low = middle + 1;
      } else {
        return true;
      }
    }
    return false;
  }
}
