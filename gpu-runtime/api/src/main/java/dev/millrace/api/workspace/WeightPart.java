package dev.millrace.api.workspace;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/**
 * One rank's part of a tensor, as memory-mapped pages.
 *
 * @param entry the whole tensor
 * @param outputs outputs of the part
 * @param inputs inputs of the part
 * @param slabs INT4 {@code INPUT_MAJOR}: slabs of the part, of {@code inputs / slabs} inputs each;
 *     1 otherwise
 * @param ranges read-only little-endian buffers from position 0 to limit; one after the other they
 *     are the part's bytes. Each starts on a multiple of 4096 bytes in its file and holds whole
 *     strips (see {@link TensorEntry}). Do not move their positions: duplicate them.
 * @param files where each of the ranges lies: reading from there costs no page fault
 */
public record WeightPart(
    TensorEntry entry,
    long outputs,
    long inputs,
    int slabs,
    List<ByteBuffer> ranges,
    List<FileRegion> files) {
  public WeightPart {
    Objects.requireNonNull(entry, "entry");
    ranges = List.copyOf(ranges);
    files = List.copyOf(files);
    long found = 0;
    for (ByteBuffer range : ranges) {
      found += range.remaining();
    }
    long expected =
        entry.storage() == StorageType.INT4
            ? outputs / Int4Tile.OUTPUTS * (inputs / Int4Tile.INPUTS) * Int4Tile.BYTES
            : outputs * inputs * entry.storage().elementBytes();
    if (found != expected) {
      throw new IllegalArgumentException(
          entry.name() + ": expected " + expected + " bytes in the part, found " + found);
    }
  }

  /** Bytes of the part. */
  public long bytes() {
    return ranges.stream().mapToLong(ByteBuffer::remaining).sum();
  }
}
