package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Segment;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/**
 * Opens data files past the operating system's cache where the file system allows it. The cache
 * copies every byte once more, writes it back later at a fraction of the speed of the disk, and
 * drops what others had in it; a verification through it would check the cache. Positions and sizes
 * must be multiples of 4096 bytes, and buffers those of {@link #newBuffer}.
 */
final class DirectChannels {
  static final int PAGE_BYTES = Segment.ALIGNMENT_BYTES;

  /** By name: newer compilers warn of its class, which is in no standard package. */
  static final Optional<OpenOption> DIRECT = option("com.sun.nio.file.ExtendedOpenOption");

  private DirectChannels() {}

  private static Optional<OpenOption> option(String type) {
    try {
      return Arrays.stream(Class.forName(type).getEnumConstants())
          .filter(constant -> constant.toString().equals("DIRECT"))
          .map(OpenOption.class::cast)
          .findFirst();
    } catch (ClassNotFoundException e) {
      return Optional.empty(); // a Java without the module jdk.unsupported
    }
  }

  /** Opens an existing file to read or to write it. */
  static FileChannel open(Path file, StandardOpenOption option) throws IOException {
    long blockBytes = Files.getFileStore(file).getBlockSize();
    if (DIRECT.isPresent() && blockBytes > 0 && PAGE_BYTES % blockBytes == 0) {
      try {
        return FileChannel.open(file, option, DIRECT.get());
      } catch (IOException | UnsupportedOperationException e) {
        // not every file system has it (tmpfs): through the cache then, with the same bytes
      }
    }
    return FileChannel.open(file, option);
  }

  /** A little-endian buffer on a page boundary of at least the given size, in whole pages. */
  static ByteBuffer newBuffer(int bytes) {
    return ByteBuffer.allocateDirect(bytes + 2 * PAGE_BYTES)
        .alignedSlice(PAGE_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  /** The next multiple of a page. */
  static long roundUp(long bytes) {
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
  }
}
