package dev.millrace.cuda;

import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.WeightShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Products with int4 weights, each by the way that is fastest for its shape and number of rows. Few
 * rows go by {@link FusedInt4}, which reads a quarter of the bytes; many by {@link ExpandedInt4}
 * where memory has room for that, else by {@link SlabInt4}, whose extra traffic they share. Between
 * them the ways are timed at the first product of a shape and a step of rows, and the choice is
 * kept on disk.
 */
final class Int4Matmul {
  /** Names the kernels that choices on disk were made with; another number makes them anew. */
  private static final String KERNELS = "int4.3";

  /** Up to here fused products are bound by memory: making bf16 weights is nowhere near. */
  private static final int FUSED_ALONE_ROWS = 64;

  /** From here on the slab's extra traffic is less than what cuBLASLt gains. */
  private static final int FUSED_ROWS_MAX = 4096;

  /** Up to here fused products are mostly faster than those of bf16 weights. */
  private static final int EXPANDED_FUSED_ROWS = 128;

  /** Rows that tiles of tokens are filled by, beyond 128: one more takes as long as so many. */
  static final int ROWS_STEP = 64;

  /** The ways to multiply. */
  enum Way {
    FUSED(0),
    SLAB_16(16 << 20),
    SLAB_32(32 << 20),
    SLAB_64(Scratch.SLAB_BYTES),
    EXPANDED(0);

    private final int pieceBytes;

    Way(int pieceBytes) {
      this.pieceBytes = pieceBytes;
    }
  }

  private record Key(
      WeightShape shape, boolean expanded, int step, boolean biased, boolean floatResult) {
    String text() {
      return "%s m%d n%d k%d slabs %d%s%s%s"
          .formatted(
              KERNELS,
              step,
              shape.outputs(),
              shape.inputs(),
              shape.slabs(),
              expanded ? " expanded" : "",
              floatResult ? " f32" : "",
              biased ? " bias" : "");
    }
  }

  private final FusedInt4 fused;
  private final SlabInt4 slab;
  private final ExpandedInt4 expanded;
  private final Matmuls matmuls;
  private final Map<WeightShape, List<CudaWeight>> alike = new HashMap<>();
  private final Map<Key, Way> ways = new HashMap<>();
  private final List<CudaWeight> toExpand = new ArrayList<>();

  Int4Matmul(FusedInt4 fused, SlabInt4 slab, ExpandedInt4 expanded, Matmuls matmuls) {
    this.fused = fused;
    this.slab = slab;
    this.expanded = expanded;
    this.matmuls = matmuls;
  }

  /** Remembers a weight among those of its shape. */
  void register(CudaWeight weight) {
    alike.computeIfAbsent(weight.shape(), shape -> new ArrayList<>()).add(weight);
    if (weight.isExpanded()) {
      expanded.register(weight);
      toExpand.add(weight);
    }
  }

  /** Makes the bf16 matrices of expanded weights that have none yet. */
  void expand() {
    toExpand.forEach(slab::expand);
    toExpand.clear();
  }

  /** As {@link FusedInt4#take}. */
  Optional<ProductSums> take(CudaTensor y, int rows) {
    return fused.take(y, rows);
  }

  /** As {@link FusedInt4#settle}. */
  void settle() {
    fused.settle();
  }

  /**
   * y = x W^T + bias; of few rows y is settled later.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    run(taken(x, weight, bias, y, rows), x, weight, bias, y, rows);
  }

  /** Whether {@link #runThenGate} serves a product, whose result would go to `wide` else. */
  boolean gates(CudaTensor x, CudaWeight weight, CudaTensor wide, int rows) {
    return fused.gates(weight, rows) && taken(x, weight, 0, wide, rows) == Way.FUSED;
  }

  /** As {@link FusedInt4#runThenGate}. */
  void runThenGate(CudaTensor x, CudaWeight weight, CudaTensor y, int rows) {
    settle();
    fused.runThenGate(x, weight, y, rows);
  }

  /** The way that {@link #run} takes; where it is not known, chosen, which computes y. */
  Way taken(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    if (matmuls.isPinned()) {
      // the same pieces and products for any number of rows
      return weight.isExpanded() ? Way.EXPANDED : Way.SLAB_64;
    }
    if (fused.isFew(rows) || (rows <= FUSED_ALONE_ROWS && !weight.isExpanded())) {
      return Way.FUSED;
    }
    Key key =
        new Key(weight.shape(), weight.isExpanded(), Product.step(rows), bias != 0, y.isFloat());
    Way way = ways.get(key);
    if (way == null) {
      way = choose(key, x, weight, bias, y, rows);
      ways.put(key, way);
    }
    return way;
  }

  /** The product by one way. */
  void run(Way way, CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    settle();
    if (way == Way.FUSED) {
      fused.run(x, weight, bias, y, rows);
    } else if (way == Way.EXPANDED) {
      expanded.run(x, weight, bias, y, rows);
    } else {
      slab.run(x, weight, bias, y, rows, way.pieceBytes);
    }
  }

  private Way choose(Key key, CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    List<Way> candidates = ways(weight, rows);
    for (Way way : candidates) {
      if (matmuls.way(key.text()).filter(way.name()::equals).isPresent()) {
        return way;
      }
    }
    if (!matmuls.isTimed()) {
      return usual(weight, rows);
    }
    // Other weights of the shape in turn, so that none is found in the cache of the device.
    List<CudaWeight> weights = alike.getOrDefault(weight.shape(), List.of(weight));
    Way best = candidates.get(0);
    float least = Float.MAX_VALUE;
    for (Way way : candidates) {
      run(way, x, weight, bias, y, rows);
      float millis =
          matmuls.millis(turn -> run(way, x, weights.get(turn % weights.size()), bias, y, rows));
      if (millis < least) {
        least = millis;
        best = way;
      }
    }
    matmuls.keepWay(key.text(), best.name());
    return best;
  }

  private static List<Way> ways(CudaWeight weight, int rows) {
    List<Way> ways = new ArrayList<>();
    if (rows <= FUSED_ROWS_MAX) {
      ways.add(Way.FUSED);
    }
    ways.addAll(
        weight.isExpanded()
            ? List.of(Way.EXPANDED)
            : List.of(Way.SLAB_16, Way.SLAB_32, Way.SLAB_64));
    return ways;
  }

  /** The way where nothing may be timed: what timing mostly finds. */
  private Way usual(CudaWeight weight, int rows) {
    if (weight.isExpanded()) {
      return rows <= EXPANDED_FUSED_ROWS ? Way.FUSED : Way.EXPANDED;
    }
    return rows <= (fused.isByGroups() ? 2048 : 256) ? Way.FUSED : Way.SLAB_32;
  }
}
