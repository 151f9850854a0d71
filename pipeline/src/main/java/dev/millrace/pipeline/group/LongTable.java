package dev.millrace.pipeline.group;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of 64-bit numbers, big-endian, mapped into memory: random access without heap. */
public final class LongTable implements Closeable {
  private static final int SEGMENT_SHIFT = 24; // 16 Mi entries, 128 MiB
  private static final long SEGMENT_MASK = (1L << SEGMENT_SHIFT) - 1;

  private final long size;
  private final MappedByteBuffer[] mapped;
  private final LongBuffer[] segments;

  private LongTable(Path path, long size, FileChannel.MapMode mode, StandardOpenOption... options)
      throws IOException {
    this.size = size;
    int count = (int) ((size + SEGMENT_MASK) >> SEGMENT_SHIFT);
    this.mapped = new MappedByteBuffer[count];
    this.segments = new LongBuffer[count];
    try (FileChannel channel = FileChannel.open(path, options)) {
      if (mode == FileChannel.MapMode.READ_WRITE) {
        reserve(channel, size * Long.BYTES);
      }
      for (int i = 0; i < count; i++) {
        long first = (long) i << SEGMENT_SHIFT;
        long entries = Math.min(SEGMENT_MASK + 1, size - first);
        mapped[i] = channel.map(mode, first * Long.BYTES, entries * Long.BYTES);
        segments[i] = mapped[i].asLongBuffer();
      }
    }
  }

  /** Writes zeros: a full disk shows here, as an error, and not later as a fault in the mapping. */
  private static void reserve(FileChannel channel, long bytes) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocate(1 << 16);
    for (long done = 0; done < bytes; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - done));
      done += channel.write(zeros);
    }
  }

  /** A new table of zeros. */
  static LongTable create(Path path, long size) throws IOException {
    return new LongTable(
        path,
        size,
        FileChannel.MapMode.READ_WRITE,
        StandardOpenOption.CREATE_NEW,
        StandardOpenOption.READ,
        StandardOpenOption.WRITE);
  }

  /** An existing table, read-only. */
  static LongTable open(Path path) throws IOException {
    return new LongTable(
        path,
        Files.size(path) / Long.BYTES,
        FileChannel.MapMode.READ_ONLY,
        StandardOpenOption.READ);
  }

  long size() {
    return size;
  }

  long get(long index) {
    return segments[(int) (index >> SEGMENT_SHIFT)].get((int) (index & SEGMENT_MASK));
  }

  void put(long index, long value) {
    segments[(int) (index >> SEGMENT_SHIFT)].put((int) (index & SEGMENT_MASK), value);
  }

  /** Forces what was put to the disk; the mapping itself ends with the garbage collector. */
  @Override
  public void close() {
    for (MappedByteBuffer segment : mapped) {
      segment.force();
    }
  }
}
