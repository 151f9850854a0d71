package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Products with weights in any layout. Int4 weights become bf16 in a slab, some outputs at a time,
 * and go through the same products.
 */
final class CudaMatmul implements AutoCloseable {
  private final Kernels kernels;
  private final Matmuls matmuls;
  private final CudaStream stream;
  private final long slab;
  private final Arguments arguments = new Arguments();
  private final Map<WeightShape, List<Long>> alike = new HashMap<>();

  CudaMatmul(Kernels kernels, Matmuls matmuls, CudaStream stream, long slab) {
    this.kernels = kernels;
    this.matmuls = matmuls;
    this.stream = stream;
    this.slab = slab;
  }

  /** Remembers a weight among those of its shape. */
  void register(CudaWeight weight) {
    if (weight.shape().layout() != WeightLayout.INT4_TILES) {
      alike.computeIfAbsent(weight.shape(), shape -> new ArrayList<>()).add(matrix(weight));
    }
  }

  /**
   * y = x W^T + bias.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    if (rows == 0) {
      return;
    }
    WeightShape shape = weight.shape();
    if (shape.layout() == WeightLayout.INT4_TILES) {
      runInt4(x, weight, bias, y, rows);
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

  /** Where the bf16 matrix is; a matrix of one output lies like a vector. */
  private static long matrix(CudaWeight weight) {
    return CudaWeight.isVector(weight.shape()) ? weight.bf16Address() : weight.address();
  }

  private void runInt4(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    WeightShape shape = weight.shape();
    int inputs = Math.toIntExact(shape.inputs());
    int tileRows = Math.toIntExact(shape.outputs() / WeightShape.TILE_OUTPUTS);
    int most = Math.max(1, Scratch.SLAB_BYTES / (WeightShape.TILE_OUTPUTS * inputs * 2));
    int slabTiles = inputs / WeightShape.TILE_INPUTS / shape.slabs();
    for (int first = 0; first < tileRows; first += most) {
      int some = Math.min(most, tileRows - first);
      kernels
          .get(KernelFile.CONVERT, "int4_to_bf16")
          .launch(
              inputs / WeightShape.TILE_INPUTS,
              some,
              128,
              0,
              arguments
                  .start()
                  .i64(weight.address())
                  .i64(slab)
                  .i32(inputs)
                  .i32(slabTiles)
                  .i32(tileRows)
                  .i32(first)
                  .i32(shape.type() == DType.F16 ? 1 : 0),
              stream);
      int outputs = some * WeightShape.TILE_OUTPUTS;
      Product product =
          new Product(
              rows, outputs, inputs, false, inputs, x.pitch(), y.pitch(), y.isFloat(), bias != 0);
      long column = (long) first * WeightShape.TILE_OUTPUTS;
      matmuls.run(
          product,
          x.address(),
          slab,
          List.of(),
          bias == 0 ? 0 : bias + 2 * column,
          y.address() + column * y.type().bytes());
    }
  }

  @Override
  public void close() {
    matmuls.close();
  }
}
