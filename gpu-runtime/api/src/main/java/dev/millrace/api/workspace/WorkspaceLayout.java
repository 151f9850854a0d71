package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.TensorEntry.StripRange;
import dev.millrace.api.workspace.WorkspaceManifest.DataFile;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Where every tensor goes, decided before a byte is written: strips are cut into segments at every
 * boundary of every rank's part for every rank count, and at most {@value #SEGMENT_BYTES_MAX} bytes
 * long, so that segments are also the unit of parallel writing, checksums and verification.
 *
 * @param tensors with their segments; checksums are zero until they are written
 * @param dataFiles the files that hold them
 */
public record WorkspaceLayout(List<TensorEntry> tensors, List<DataFile> dataFiles) {
  /** Most bytes of a segment, unless one strip that keeps the alignment is larger. */
  public static final long SEGMENT_BYTES_MAX = 64L << 20;

  /** Most bytes of a data file, so that one buffer can map it. */
  public static final long FILE_BYTES_MAX = (1L << 31) - Segment.ALIGNMENT_BYTES;

  private static final String NO_CHECKSUM = "00000000";

  public WorkspaceLayout {
    tensors = List.copyOf(tensors);
    dataFiles = List.copyOf(dataFiles);
  }

  /**
   * Lays out tensors in the given order.
   *
   * @param tensors without segments
   * @param supportedRanks rank counts to serve
   * @throws IllegalArgumentException if a tensor cannot be shared by one of these counts
   */
  public static WorkspaceLayout plan(List<TensorEntry> tensors, List<Integer> supportedRanks) {
    return plan(tensors, supportedRanks, FILE_BYTES_MAX);
  }

  static WorkspaceLayout plan(
      List<TensorEntry> tensors, List<Integer> supportedRanks, long fileBytesMax) {
    Placement placement = new Placement(fileBytesMax);
    List<TensorEntry> placed = new ArrayList<>();
    for (TensorEntry tensor : tensors) {
      List<Segment> segments = new ArrayList<>();
      long from = 0;
      for (long to : cuts(tensor, supportedRanks)) {
        segments.add(placement.place(to - from, (to - from) * tensor.stripBytes()));
        from = to;
      }
      placed.add(tensor.withSegments(segments));
    }
    return new WorkspaceLayout(placed, placement.files());
  }

  /** Bytes of all data files. */
  public long bytes() {
    return dataFiles.stream().mapToLong(DataFile::bytes).sum();
  }

  private static List<Long> cuts(TensorEntry tensor, List<Integer> supportedRanks) {
    TreeSet<Long> boundaries = new TreeSet<>();
    for (int ranks : supportedRanks) {
      for (int rank = 0; rank < ranks; rank++) {
        for (StripRange range : tensor.part(ranks, rank)) {
          boundaries.add(range.from());
          boundaries.add(range.to());
        }
      }
    }
    boundaries.add(tensor.strips());
    boundaries.remove(0L);
    long step = stripsPerSegment(tensor.stripBytes());
    List<Long> cuts = new ArrayList<>();
    long from = 0;
    for (long boundary : boundaries) {
      for (long cut = from + step; cut < boundary; cut += step) {
        cuts.add(cut);
      }
      cuts.add(boundary);
      from = boundary;
    }
    return cuts;
  }

  /** The most strips whose bytes fit a segment and are a multiple of the alignment. */
  static long stripsPerSegment(long stripBytes) {
    long aligned =
        Segment.ALIGNMENT_BYTES / Math.min(Segment.ALIGNMENT_BYTES, lowestBit(stripBytes));
    return Math.max(1, SEGMENT_BYTES_MAX / (aligned * stripBytes)) * aligned;
  }

  private static long lowestBit(long value) {
    return Long.lowestOneBit(value);
  }

  /** Fills files one after the other. */
  private static final class Placement {
    private final long fileBytesMax;
    private final List<DataFile> full = new ArrayList<>();
    private long used;

    Placement(long fileBytesMax) {
      this.fileBytesMax = fileBytesMax;
    }

    Segment place(long strips, long bytes) {
      long pages = (bytes + Segment.ALIGNMENT_BYTES - 1) / Segment.ALIGNMENT_BYTES;
      long taken = pages * Segment.ALIGNMENT_BYTES;
      if (used > 0 && used + taken > fileBytesMax) {
        full.add(file(full.size(), used));
        used = 0;
      }
      long offset = used;
      used += taken;
      return new Segment(full.size(), offset, strips, bytes, NO_CHECKSUM);
    }

    List<DataFile> files() {
      List<DataFile> files = new ArrayList<>(full);
      if (used > 0) {
        files.add(file(full.size(), used));
      }
      return files;
    }

    private static DataFile file(int index, long bytes) {
      return new DataFile(String.format("data-%05d.bin", index), bytes);
    }
  }
}
