package dev.millrace.engine.sample;

import java.util.Arrays;

/**
 * The likely tokens of one row, found without sorting the vocabulary. A token is a key: its logit
 * in the high half, so that larger keys are likelier, and its id inverted in the low half, so that
 * equal logits rank by lowest id and no two keys are equal. All arrays are taken once.
 */
final class Candidates {
  private final long[] keys; // in order of token id
  private final float[] weights; // of keys
  private final long[] work;
  private final float[] workWeights;
  private int count;

  Candidates(int vocabularySize) {
    keys = new long[vocabularySize];
    weights = new float[vocabularySize];
    work = new long[vocabularySize];
    workWeights = new float[vocabularySize];
  }

  static long key(float logit, int tokenId) {
    int bits = Float.floatToRawIntBits(logit + 0f); // -0 ranks with 0
    int ordered = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    return (long) ordered << 32 | Integer.toUnsignedLong(~tokenId);
  }

  static float logit(long key) {
    int ordered = (int) (key >> 32);
    return Float.intBitsToFloat(ordered ^ ((ordered >> 31) & Integer.MAX_VALUE));
  }

  static int tokenId(long key) {
    return ~(int) key;
  }

  /**
   * A logit that at least {@code rank} tokens reach: the rank-th largest block maximum. Most often
   * few more reach it.
   */
  float floorOfRank(int rank, float[] maxima, int blocks) {
    if (rank > blocks) {
      return Float.NEGATIVE_INFINITY;
    }
    for (int block = 0; block < blocks; block++) {
      work[block] = key(maxima[block], block);
    }
    return logit(nthLargest(blocks, rank));
  }

  /** Takes the tokens whose logit reaches the floor; banned ones (negative infinity) never. */
  void collect(float[] row, int offset, int elements, float[] maxima, float floor) {
    float least = Math.max(floor, -Float.MAX_VALUE);
    count = 0;
    for (int block = 0, start = 0; start < elements; block++, start += RowMath.BLOCK) {
      if (maxima[block] >= least) {
        int end = Math.min(elements, start + RowMath.BLOCK);
        for (int id = start; id < end; id++) {
          float logit = row[offset + id];
          if (logit >= least) {
            keys[count++] = key(logit, id);
          }
        }
      }
    }
  }

  int count() {
    return count;
  }

  /** Drops all but the most likely ones. */
  void keepLargest(int rank) {
    if (count > rank) {
      System.arraycopy(keys, 0, work, 0, count);
      keepFrom(nthLargest(count, rank));
    }
  }

  /** Drops those below a logit. */
  void keepFrom(float logit) {
    keepFrom(key(logit, Integer.MAX_VALUE));
  }

  private void keepFrom(long least) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (keys[i] >= least) {
        weights[kept] = weights[i];
        keys[kept++] = keys[i];
      }
    }
    count = kept;
  }

  /** Gives each its weight exp((logit - max) * scale) and returns their sum. */
  double weigh(float max, float scale) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      weights[i] = PlainRowMath.exp((logit(keys[i]) - max) * scale);
      sum += weights[i];
    }
    return sum;
  }

  /** Drops all but the shortest run of most likely tokens whose weights reach this sum. */
  void keepMass(double mass) {
    System.arraycopy(keys, 0, work, 0, count);
    System.arraycopy(weights, 0, workWeights, 0, count);
    int low = 0;
    int high = count - 1;
    double above = 0;
    long least = Long.MIN_VALUE;
    while (low <= high) {
      int pivot = partition(low, high, true);
      double upper = 0;
      for (int i = low; i < pivot; i++) {
        upper += workWeights[i];
      }
      if (pivot > low && above + upper >= mass) {
        high = pivot - 1;
      } else if (above + upper + workWeights[pivot] >= mass) {
        least = work[pivot];
        break;
      } else {
        above += upper + workWeights[pivot];
        low = pivot + 1;
      }
    }
    keepFrom(least);
  }

  /** The token at this share of the total weight, walking in order of token id. */
  int pick(double share) {
    double total = 0;
    for (int i = 0; i < count; i++) {
      total += weights[i];
    }
    double left = share * total;
    int last = -1;
    for (int i = 0; i < count; i++) {
      if (weights[i] > 0) {
        last = i;
        left -= weights[i];
        if (left < 0) {
          break;
        }
      }
    }
    return tokenId(keys[last]);
  }

  /** Writes ids and logits, most likely first, of at most as many as the arrays hold. */
  void copyRanked(int[] tokenIds, float[] logits) {
    keepLargest(tokenIds.length);
    System.arraycopy(keys, 0, work, 0, count);
    Arrays.sort(work, 0, count);
    for (int i = 0; i < count; i++) {
      long key = work[count - 1 - i];
      tokenIds[i] = tokenId(key);
      logits[i] = logit(key);
    }
  }

  /** The rank-th largest of the first {@code size} work keys, from 1. */
  private long nthLargest(int size, int rank) {
    int low = 0;
    int high = size - 1;
    while (low < high) {
      int pivot = partition(low, high, false);
      if (pivot == rank - 1) {
        return work[pivot];
      }
      if (pivot < rank - 1) {
        low = pivot + 1;
      } else {
        high = pivot - 1;
      }
    }
    return work[rank - 1];
  }

  /** Larger keys left of the pivot, smaller ones right of it; returns where the pivot lies. */
  private int partition(int low, int high, boolean weighted) {
    int middle = (low + high) >>> 1;
    if (work[middle] > work[low]) {
      swap(middle, low, weighted);
    }
    if (work[high] > work[low]) {
      swap(high, low, weighted);
    }
    if (work[high] > work[middle]) {
      swap(high, middle, weighted);
    }
    swap(middle, high, weighted); // the median of the three
    long pivot = work[high];
    int end = low;
    for (int i = low; i < high; i++) {
      if (work[i] > pivot) {
        swap(i, end++, weighted);
      }
    }
    swap(end, high, weighted);
    return end;
  }

  private void swap(int a, int b, boolean weighted) {
    long key = work[a];
    work[a] = work[b];
    work[b] = key;
    if (weighted) {
      float weight = workWeights[a];
      workWeights[a] = workWeights[b];
      workWeights[b] = weight;
    }
  }
}
