package dev.millrace.engine.text.bpe;

import java.util.Arrays;

/**
 * Remembers the ids of short words: one entry a slot, the newest wins, so its size is bounded.
 *
 * <p>Threads share it without locks: entries are immutable and published by a plain array write; a
 * thread that misses another's write only computes the word again.
 */
final class WordCache {
  /** Longer words seldom come back. */
  static final int WORD_CHARS_MAX = 32;

  private static final int SLOTS = 1 << 15;

  private final Entry[] entries = new Entry[SLOTS];

  /** Immutable: its fields are final, so a racy read sees it whole. */
  private static final class Entry {
    final char[] word;
    final int[] ids;

    Entry(char[] word, int[] ids) {
      this.word = word;
      this.ids = ids;
    }
  }

  /** The ids of {@code text[from, to)}, or null. */
  int[] get(char[] text, int from, int to) {
    Entry entry = entries[slot(text, from, to)];
    if (entry == null || !Arrays.equals(entry.word, 0, entry.word.length, text, from, to)) {
      return null;
    }
    return entry.ids;
  }

  void put(char[] text, int from, int to, int[] ids) {
    entries[slot(text, from, to)] = new Entry(Arrays.copyOfRange(text, from, to), ids);
  }

  private static int slot(char[] text, int from, int to) {
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text[i];
    }
    return (hash * 0x9E3779B9) >>> 17;
  }
}
