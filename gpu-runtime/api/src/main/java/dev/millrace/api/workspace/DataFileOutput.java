package dev.millrace.api.workspace;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A data file while it is written: whole pages, past the operating system's cache where the file
 * system allows it. The cache would copy every byte once more and write it back later, at a
 * fraction of the speed of the disk, and drop what others had in it.
 */
final class DataFileOutput implements AutoCloseable {
  private static final int PAGE_BYTES = DirectChannels.PAGE_BYTES;

  private final FileChannel channel;

  private DataFileOutput(FileChannel channel) {
    this.channel = channel;
  }

  static DataFileOutput create(Path file) throws IOException {
    Files.createFile(file);
    return new DataFileOutput(DirectChannels.open(file, StandardOpenOption.WRITE));
  }

  /**
   * Writes the whole pages of what a block holds, and moves the rest to its front.
   *
   * @param filled bytes the block holds
   * @param position where they begin in the file, a multiple of 4096
   * @param last whether to fill the last page with zeros and write it too
   * @return bytes that were moved to the front
   */
  int writePages(ByteBuffer block, int filled, long position, boolean last) throws IOException {
    int whole = filled / PAGE_BYTES * PAGE_BYTES;
    if (last && whole < filled) {
      whole += PAGE_BYTES;
      block.limit(whole).position(filled);
      while (block.hasRemaining()) {
        block.put((byte) 0);
      }
    }
    block.limit(whole).position(0);
    long at = position;
    while (block.hasRemaining()) {
      at += channel.write(block, at);
    }
    block.limit(Math.max(filled, whole)).position(whole);
    return last ? 0 : block.compact().position();
  }

  void force() throws IOException {
    channel.force(true);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
