package dev.millrace.api.workspace;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Objects;

/**
 * One tensor of a workspace. Its bytes are a sequence of <em>strips</em> of equal size, the
 * smallest runs that are never divided: an output row (dense, {@code OUTPUT_MAJOR}), an input row
 * (dense, {@code INPUT_MAJOR}), or the tiles of 64 outputs (INT4). The strips lie in segments; a
 * rank's part is a list of strip ranges.
 *
 * @param name canonical name, see {@link TensorNames}
 * @param storage how numbers are stored
 * @param scaleType type of the scales, F16 or BF16; null unless INT4
 * @param layout which dimension is outermost
 * @param split how ranks share the tensor
 * @param outputs outputs of the whole tensor, padding included
 * @param inputs inputs of the whole tensor, padding included; 1 for vectors
 * @param slabs INT4 {@code INPUT_MAJOR}: outermost runs of {@code inputs / slabs} inputs, each
 *     holding its own blocks of 64 outputs; 1 otherwise
 * @param kvGroups order of the outputs under {@code KV_GROUPS}; null otherwise
 * @param segments the runs of bytes that hold the strips, in strip order
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TensorEntry(
    String name,
    StorageType storage,
    StorageType scaleType,
    Layout layout,
    Split split,
    long outputs,
    long inputs,
    int slabs,
    KvGroups kvGroups,
    List<Segment> segments) {

  /** Which dimension of a tensor is outermost. */
  public enum Layout {
    /** {@code [outputs][inputs]}; INT4: blocks of 64 outputs, in each its tiles along inputs. */
    OUTPUT_MAJOR,
    /** {@code [inputs][outputs]}; INT4: slabs, in each blocks of 64 outputs, in each tiles. */
    INPUT_MAJOR
  }

  /** How ranks share a tensor. */
  public enum Split {
    /** Every rank reads all of it. */
    REPLICATED,
    /** Each rank reads an equal run of the outermost dimension. */
    EVEN,
    /** Each rank reads its query heads and the key and value heads they attend to. */
    KV_GROUPS
  }

  /**
   * A run of bytes in a data file, starting on a multiple of 4096.
   *
   * @param file index into the manifest's data files
   * @param offset first byte in the file
   * @param strips whole strips it holds
   * @param bytes their bytes: strips times bytes per strip
   * @param crc32c CRC-32C of these bytes, eight lower-case hexadecimal digits
   */
  public record Segment(int file, long offset, long strips, long bytes, String crc32c) {
    /** Every segment starts on a multiple of this many bytes. */
    public static final int ALIGNMENT_BYTES = 4096;

    public Segment {
      require(file >= 0, "segment file", "0 or more", file);
      require(
          offset >= 0 && offset % ALIGNMENT_BYTES == 0,
          "segment offset",
          "a multiple of " + ALIGNMENT_BYTES,
          offset);
      require(strips >= 1 && bytes >= 1, "segment strips and bytes", "1 or more", strips);
      require(
          crc32c != null && crc32c.matches("[0-9a-f]{8}"),
          "segment crc32c",
          "eight hexadecimal digits",
          crc32c);
    }
  }

  /**
   * A run of strips.
   *
   * @param from first strip
   * @param to one past the last strip
   */
  public record StripRange(long from, long to) {}

  public TensorEntry {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(storage, "storage");
    Objects.requireNonNull(layout, "layout");
    Objects.requireNonNull(split, "split");
    segments = List.copyOf(segments);
    require(outputs >= 1 && inputs >= 1, name + ": dimensions", "1 or more", outputs);
    require(slabs >= 1, name + ": slabs", "1 or more", slabs);
    if (storage == StorageType.INT4) {
      require(
          scaleType == StorageType.F16 || scaleType == StorageType.BF16,
          name + ": scaleType",
          "F16 or BF16",
          scaleType);
      require(
          outputs % Int4Tile.OUTPUTS == 0, name + ": outputs", "a multiple of 64 (int4)", outputs);
      require(
          inputs % ((long) slabs * Int4Tile.INPUTS) == 0,
          name + ": inputs",
          "a multiple of 128 per slab (int4, " + slabs + " slabs)",
          inputs);
    } else {
      require(scaleType == null, name + ": scaleType", "none (not int4)", scaleType);
    }
    require(
        slabs == 1 || (storage == StorageType.INT4 && layout == Layout.INPUT_MAJOR),
        name + ": slabs",
        "1 unless int4 and INPUT_MAJOR",
        slabs);
    require(
        (split == Split.KV_GROUPS) == (kvGroups != null),
        name + ": kvGroups",
        "present exactly under KV_GROUPS",
        kvGroups);
    require(
        kvGroups == null || (kvGroups.outputs() == outputs && layout == Layout.OUTPUT_MAJOR),
        name + ": outputs",
        kvGroups == null ? "" : kvGroups.outputs() + " in OUTPUT_MAJOR",
        outputs);
    long sum = 0;
    long perStrip = stripBytes(storage, layout, outputs, inputs, slabs);
    for (Segment segment : segments) {
      require(
          segment.bytes() == Math.multiplyExact(segment.strips(), perStrip),
          name + ": segment bytes",
          segment.strips() + " strips of " + perStrip,
          segment.bytes());
      sum = Math.addExact(sum, segment.strips());
    }
    long all = strips(storage, layout, outputs, inputs, slabs);
    require(segments.isEmpty() || sum == all, name + ": strips in segments", "" + all, sum);
  }

  /** Strips of the whole tensor. */
  public long strips() {
    return strips(storage, layout, outputs, inputs, slabs);
  }

  /** Bytes of one strip. */
  public long stripBytes() {
    return stripBytes(storage, layout, outputs, inputs, slabs);
  }

  /** Bytes of the whole tensor, without the gaps that align segments. */
  public long bytes() {
    return Math.multiplyExact(strips(), stripBytes());
  }

  /**
   * The strips of one rank, in the order in which it reads them.
   *
   * @throws IllegalArgumentException if this many ranks cannot share the tensor
   */
  public List<StripRange> part(int ranks, int rank) {
    require(ranks >= 1 && rank >= 0 && rank < ranks, name + ": rank", "0 to " + (ranks - 1), rank);
    return switch (split) {
      case REPLICATED -> List.of(new StripRange(0, strips()));
      case EVEN -> evenPart(ranks, rank);
      case KV_GROUPS -> groupPart(ranks, rank);
    };
  }

  private List<StripRange> evenPart(int ranks, int rank) {
    boolean inSlabs = storage == StorageType.INT4 && layout == Layout.INPUT_MAJOR;
    long share = inSlabs ? slabs : strips();
    require(share % ranks == 0, name + ": ranks", "a divisor of " + share, ranks);
    long each = strips() / ranks;
    return List.of(new StripRange(each * rank, each * (rank + 1)));
  }

  private List<StripRange> groupPart(int ranks, int rank) {
    int kvHeads = kvGroups.kvHeads();
    if (kvHeads % ranks == 0) {
      long each = (long) kvHeads / ranks * kvGroups.groupOutputs();
      return List.of(rows(each * rank, each * (rank + 1), ranks));
    }
    int replicas = ranks / kvHeads;
    require(
        ranks % kvHeads == 0 && kvGroups.groupQueryHeads() % replicas == 0,
        name + ": ranks",
        "a divisor or multiple of " + kvHeads + " kv heads that divides the query heads",
        ranks);
    long group = (long) (rank / replicas) * kvGroups.groupOutputs();
    long queries = (long) kvGroups.groupQueryHeads() / replicas * kvGroups.headSize();
    long first = group + queries * (rank % replicas);
    long keys = group + (long) kvGroups.groupQueryHeads() * kvGroups.headSize();
    long end = group + kvGroups.groupOutputs();
    return first + queries == keys
        ? List.of(rows(first, end, ranks))
        : List.of(rows(first, first + queries, ranks), rows(keys, end, ranks));
  }

  private StripRange rows(long from, long to, int ranks) {
    int rowsPerStrip = storage == StorageType.INT4 ? Int4Tile.OUTPUTS : 1;
    require(
        from % rowsPerStrip == 0 && to % rowsPerStrip == 0,
        name + ": ranks",
        "parts of whole tiles of 64 outputs",
        ranks);
    return new StripRange(from / rowsPerStrip, to / rowsPerStrip);
  }

  /** Outputs of one rank's part. */
  public long partOutputs(int ranks) {
    return switch (split) {
      case REPLICATED -> outputs;
      case EVEN -> layout == Layout.OUTPUT_MAJOR ? outputs / ranks : outputs;
      case KV_GROUPS -> kvGroups.rankOutputs(ranks);
    };
  }

  /** Inputs of one rank's part. */
  public long partInputs(int ranks) {
    return split == Split.EVEN && layout == Layout.INPUT_MAJOR ? inputs / ranks : inputs;
  }

  TensorEntry withSegments(List<Segment> value) {
    return new TensorEntry(
        name, storage, scaleType, layout, split, outputs, inputs, slabs, kvGroups, value);
  }

  private static long strips(
      StorageType storage, Layout layout, long outputs, long inputs, int slabs) {
    if (storage == StorageType.INT4) {
      return Math.multiplyExact(outputs / Int4Tile.OUTPUTS, (long) slabs);
    }
    return layout == Layout.OUTPUT_MAJOR ? outputs : inputs;
  }

  private static long stripBytes(
      StorageType storage, Layout layout, long outputs, long inputs, int slabs) {
    if (storage == StorageType.INT4) {
      return Math.multiplyExact(inputs / slabs / Int4Tile.INPUTS, (long) Int4Tile.BYTES);
    }
    return Math.multiplyExact(
        layout == Layout.OUTPUT_MAJOR ? inputs : outputs, (long) storage.elementBytes());
  }

  private static void require(boolean holds, String what, String expected, Object found) {
    if (!holds) {
      throw new IllegalArgumentException(what + ": expected " + expected + ", found " + found);
    }
  }
}
