package dev.millrace.engine.text.bpe;

import java.util.Arrays;

/** A binary min-heap of longs. */
final class PairHeap {
  private long[] entries;
  private int size;

  PairHeap(int capacity) {
    entries = new long[capacity];
  }

  boolean isEmpty() {
    return size == 0;
  }

  void push(long entry) {
    if (size == entries.length) {
      entries = Arrays.copyOf(entries, 2 * size);
    }
    int hole = size++;
    while (hole > 0 && entries[(hole - 1) / 2] > entry) {
      entries[hole] = entries[(hole - 1) / 2];
      hole = (hole - 1) / 2;
    }
    entries[hole] = entry;
  }

  long pop() {
    long least = entries[0];
    long last = entries[--size];
    int hole = 0;
    for (int child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && entries[child + 1] < entries[child]) {
        child++;
      }
      if (entries[child] >= last) {
        break;
      }
      entries[hole] = entries[child];
      hole = child;
    }
    entries[hole] = last;
    return least;
  }
}
