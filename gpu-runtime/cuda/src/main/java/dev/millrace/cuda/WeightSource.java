package dev.millrace.cuda;

import dev.millrace.api.workspace.FileRegion;
import dev.millrace.engine.compute.WeightData;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.function.Function;

/**
 * The bytes of a weight, read from any place in any order by several threads: from their file where
 * they have one, since reading costs no page fault, else from memory.
 */
final class WeightSource {
  private final WeightData data;
  private final Function<FileRegion, FileChannel> channels;
  private final long[] ends;

  /**
   * @param channels opens the file of a region, or has it open
   */
  WeightSource(WeightData data, Function<FileRegion, FileChannel> channels) {
    this.data = data;
    this.channels = channels;
    ends = new long[data.ranges().size()];
    long end = 0;
    for (int i = 0; i < ends.length; i++) {
      end += data.ranges().get(i).remaining();
      ends[i] = end;
    }
  }

  /**
   * Fills the target to its limit.
   *
   * @param offset of the first byte in the weight
   * @throws UncheckedIOException if the file ends early or cannot be read
   */
  void read(long offset, ByteBuffer target) {
    long at = offset;
    int range = 0;
    while (target.hasRemaining()) {
      while (ends[range] <= at) {
        range++;
      }
      long within = at - (ends[range] - data.ranges().get(range).remaining());
      int some = (int) Math.min(target.remaining(), ends[range] - at);
      if (data.files().isEmpty()) {
        ByteBuffer from = data.ranges().get(range).slice();
        target.put(from.limit((int) within + some).position((int) within));
      } else {
        readFile(data.files().get(range), within, target, some);
      }
      at += some;
    }
  }

  private void readFile(FileRegion region, long within, ByteBuffer target, int count) {
    FileChannel channel = channels.apply(region);
    int limit = target.limit();
    target.limit(target.position() + count);
    long at = region.offset() + within;
    try {
      while (target.hasRemaining()) {
        int read = channel.read(target, at);
        if (read < 0) {
          throw new EOFException("the file ends at byte " + at);
        }
        at += read;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "weight %s cannot be read from %s: %s; was the workspace changed or removed?"
              .formatted(data.name(), region.file(), e.getMessage()),
          e);
    }
    target.limit(limit);
  }
}
