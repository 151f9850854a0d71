package dev.millrace.engine.text.bpe;

import java.util.Arrays;

/** A growing list of token ids. Not thread-safe. */
public final class TokenBuffer {
  private int[] ids;
  private int size;

  public TokenBuffer(int capacity) {
    ids = new int[Math.max(8, capacity)];
  }

  public void add(int id) {
    ensure(1);
    ids[size++] = id;
  }

  public void addAll(int[] more) {
    addAll(more, more.length);
  }

  void addAll(int[] more, int count) {
    ensure(count);
    // A word is two or three tokens: a loop beats a call to arraycopy.
    for (int i = 0; i < count; i++) {
      ids[size + i] = more[i];
    }
    size += count;
  }

  public int size() {
    return size;
  }

  public int[] toArray() {
    return Arrays.copyOf(ids, size);
  }

  private void ensure(int more) {
    if (size + more > ids.length) {
      ids = Arrays.copyOf(ids, Math.max(size + more, 2 * ids.length));
    }
  }
}
