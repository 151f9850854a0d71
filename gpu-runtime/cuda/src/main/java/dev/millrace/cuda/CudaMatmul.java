package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Products with weights in any layout. */
final class CudaMatmul implements AutoCloseable {
  private final Matmuls matmuls;
  private final Int4Matmul int4;
  private final Map<WeightShape, List<Long>> alike = new HashMap<>();

  CudaMatmul(
      CudaDevice device,
      Kernels kernels,
      Matmuls matmuls,
      CudaStream stream,
      Scratch scratch,
      boolean alone) {
    this.matmuls = matmuls;
    int4 =
        new Int4Matmul(
            new FusedInt4(
                device,
                kernels,
                stream,
                scratch.workspace(),
                alone ? Optional.of(scratch.gates()) : Optional.empty()),
            new SlabInt4(kernels, matmuls, stream, scratch.slab()),
            new ExpandedInt4(matmuls),
            matmuls);
  }

  /** Makes the bf16 matrices of expanded weights that have none yet. */
  void expand() {
    int4.expand();
  }

  /** Remembers a weight among those of its shape. */
  void register(CudaWeight weight) {
    if (weight.shape().layout() == WeightLayout.INT4_TILES) {
      int4.register(weight);
    } else {
      alike.computeIfAbsent(weight.shape(), shape -> new ArrayList<>()).add(matrix(weight));
    }
  }

  /**
   * The last product's sums, where they are y's and nobody has added them: the caller does. All
   * other products are written when this returns.
   */
  Optional<ProductSums> take(CudaTensor y, int rows) {
    return int4.take(y, rows);
  }

  /** Writes the last product, where only its sums are there. */
  void settle() {
    int4.settle();
  }

  /**
   * y = x W^T + bias. Who reads y comes by {@link #take} or {@link #settle}.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    settle();
    if (rows == 0) {
      return;
    }
    WeightShape shape = weight.shape();
    if (shape.layout() == WeightLayout.INT4_TILES) {
      int4.run(x, weight, bias, y, rows);
      return;
    }
    Product product =
        new Product(
            rows,
            Math.toIntExact(shape.outputs()),
            x.pitch(),
            CudaWeight.isInputMajor(shape),
            CudaWeight.pitch(shape),
            x.pitch(),
            y.pitch(),
            y.isFloat(),
            bias != 0);
    matmuls.run(
        product,
        x.address(),
        matrix(weight),
        alike.getOrDefault(shape, List.of()),
        bias,
        y.address());
  }

  /** As {@link Int4Matmul#gates}. */
  boolean gates(CudaTensor x, CudaWeight weight, CudaTensor wide, int rows) {
    return weight.shape().layout() == WeightLayout.INT4_TILES && int4.gates(x, weight, wide, rows);
  }

  /** As {@link FusedInt4#runThenGate}. */
  void runThenGate(CudaTensor x, CudaWeight weight, CudaTensor y, int rows) {
    int4.runThenGate(x, weight, y, rows);
  }

  /** Where the bf16 matrix is; a matrix of one output lies like a vector. */
  private static long matrix(CudaWeight weight) {
    return CudaWeight.isVector(weight.shape()) ? weight.bf16Address() : weight.address();
  }

  @Override
  public void close() {
    matmuls.close();
  }
}
