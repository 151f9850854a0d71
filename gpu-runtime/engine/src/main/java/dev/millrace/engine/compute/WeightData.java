package dev.millrace.engine.compute;

import dev.millrace.api.workspace.FileRegion;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/**
 * The bytes of a weight before upload.
 *
 * @param name for reports and errors
 * @param shape what they mean
 * @param ranges little-endian; concatenated, position to limit each, they are the bytes. They may
 *     be read-only mapped pages, which live until the backend is closed: a CPU backend keeps them
 *     instead of a copy. No row of the outermost dimension (no int4 tile) crosses from one range to
 *     the next.
 * @param files where each of the ranges lies, for backends that copy; empty if they lie in no file
 */
public record WeightData(
    String name, WeightShape shape, List<ByteBuffer> ranges, List<FileRegion> files) {

  /** A weight that lies in no file. */
  public WeightData(String name, WeightShape shape, List<ByteBuffer> ranges) {
    this(name, shape, ranges, List.of());
  }

  public WeightData {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(shape, "shape");
    ranges = List.copyOf(ranges);
    files = List.copyOf(files);
    long bytes = 0;
    int unit =
        shape.layout() == WeightLayout.INT4_TILES ? WeightShape.TILE_BYTES : shape.type().bytes();
    for (ByteBuffer range : ranges) {
      if (range.remaining() % unit != 0) {
        throw new IllegalArgumentException(
            "weight %s: expected ranges in whole units of %d bytes, found one of %d"
                .formatted(name, unit, range.remaining()));
      }
      bytes += range.remaining();
    }
    if (bytes != shape.bytes()) {
      throw new IllegalArgumentException(
          "weight %s: expected %d bytes for %s, found %d in %d ranges"
              .formatted(name, shape.bytes(), shape, bytes, ranges.size()));
    }
  }
}
