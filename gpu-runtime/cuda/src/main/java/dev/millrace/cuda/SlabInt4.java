package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightShape;
import java.util.List;

/**
 * Products with int4 weights by way of bf16: some outputs at a time are written to a slab, which
 * the product then reads, part of it still in the second-level cache.
 */
final class SlabInt4 {
  /** Rows of tiles that pieces are cut at: 256 outputs, which tensor-core tiles divide. */
  private static final int PIECE_STEP = 4;

  private final Kernels kernels;
  private final Matmuls matmuls;
  private final CudaStream stream;
  private final long slab;
  private final Arguments arguments = new Arguments();

  /**
   * @param slab device memory of {@link Scratch#SLAB_BYTES}
   */
  SlabInt4(Kernels kernels, Matmuls matmuls, CudaStream stream, long slab) {
    this.kernels = kernels;
    this.matmuls = matmuls;
    this.stream = stream;
    this.slab = slab;
  }

  /**
   * y = x W^T + bias.
   *
   * @param bias address of a bf16 bias, or 0
   * @param pieceBytes most bytes of the slab to use
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows, int pieceBytes) {
    int tileRows = Math.toIntExact(weight.shape().outputs() / WeightShape.TILE_OUTPUTS);
    int piece = pieceTileRows(tileRows, weight.shape().inputs(), pieceBytes);
    for (int first = 0; first < tileRows; first += piece) {
      runPiece(x, weight, bias, y, rows, first, Math.min(piece, tileRows - first));
    }
  }

  /**
   * Rows of tiles of a piece: as many for each piece, so that few forms of product are prepared and
   * none is left small.
   */
  static int pieceTileRows(int tileRows, long inputs, int pieceBytes) {
    int most =
        (int) Math.max(1, pieceBytes / (WeightShape.TILE_OUTPUTS * inputs * DType.BF16.bytes()));
    int pieces = (tileRows + most - 1) / most;
    int even = (tileRows + pieces - 1) / pieces;
    int stepped = (even + PIECE_STEP - 1) / PIECE_STEP * PIECE_STEP;
    return stepped <= most ? stepped : even;
  }

  private void runPiece(
      CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows, int first, int some) {
    convert(weight, first, some, slab);
    int inputs = Math.toIntExact(weight.shape().inputs());
    Product product =
        new Product(
            rows,
            some * WeightShape.TILE_OUTPUTS,
            inputs,
            false,
            inputs,
            x.pitch(),
            y.pitch(),
            y.isFloat(),
            bias != 0);
    long output = (long) first * WeightShape.TILE_OUTPUTS;
    matmuls.run(
        product,
        x.address(),
        slab,
        List.of(),
        bias == 0 ? 0 : bias + DType.BF16.bytes() * output,
        y.address() + output * y.type().bytes());
  }

  /** Makes an expanded weight's bf16 matrix. */
  void expand(CudaWeight weight) {
    int tileRows = Math.toIntExact(weight.shape().outputs() / WeightShape.TILE_OUTPUTS);
    convert(weight, 0, tileRows, weight.bf16Address());
  }

  /** Some rows of tiles to bf16, (outputs, inputs). */
  private void convert(CudaWeight weight, int first, int some, long to) {
    WeightShape shape = weight.shape();
    int inputs = Math.toIntExact(shape.inputs());
    int columns = inputs / WeightShape.TILE_INPUTS;
    kernels
        .get(KernelFile.CONVERT, "int4_to_bf16")
        .launch(
            columns,
            some,
            128,
            0,
            arguments
                .start()
                .i64(weight.address())
                .i64(to)
                .i32(inputs)
                .i32(columns / shape.slabs())
                .i32(Math.toIntExact(shape.outputs() / WeightShape.TILE_OUTPUTS))
                .i32(first)
                .i32(shape.type() == DType.F16 ? 1 : 0),
            stream);
  }
}
