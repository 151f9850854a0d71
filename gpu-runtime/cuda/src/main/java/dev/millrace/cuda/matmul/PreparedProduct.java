package dev.millrace.cuda.matmul;

/** A product's descriptors in the library, and the algorithm it runs by. */
final class PreparedProduct implements AutoCloseable {
  private final CublasLt.Functions functions;
  final long descriptor;
  final long weightLayout;
  final long xLayout;
  final long yLayout;
  byte[] algorithm = new byte[CublasLt.ALGORITHM_BYTES];

  /**
   * Row-major y = x W^T is column-major Y (outputs, rows) = op(W) X: W as stored is column-major
   * (inputs, outputs), to be transposed, or (outputs, inputs) where inputs are outermost.
   */
  PreparedProduct(CublasLt.Functions functions, Product product) {
    this.functions = functions;
    long[] handle = new long[1];
    CublasLt.check(
        functions.cublasLtMatmulDescCreate(handle, CublasLt.COMPUTE_32F, CublasLt.R_32F),
        "describing " + product);
    descriptor = handle[0];
    set(
        CublasLt.DESCRIPTOR_TRANSA,
        product.inputMajor() ? CublasLt.OPERATION_NONE : CublasLt.OPERATION_TRANSPOSE,
        Integer.BYTES);
    if (product.biased()) {
      set(CublasLt.DESCRIPTOR_EPILOGUE, CublasLt.EPILOGUE_BIAS, Integer.BYTES);
    }
    weightLayout =
        product.inputMajor()
            ? layout(CublasLt.R_16BF, product.outputs(), product.inputs(), product.weightPitch())
            : layout(CublasLt.R_16BF, product.inputs(), product.outputs(), product.weightPitch());
    xLayout = layout(CublasLt.R_16BF, product.inputs(), product.rows(), product.xPitch());
    yLayout =
        layout(
            product.floatResult() ? CublasLt.R_32F : CublasLt.R_16BF,
            product.outputs(),
            product.rows(),
            product.yPitch());
  }

  private long layout(int type, long rows, long columns, long pitch) {
    long[] handle = new long[1];
    CublasLt.check(
        functions.cublasLtMatrixLayoutCreate(handle, type, rows, columns, pitch), "layout");
    return handle[0];
  }

  private void set(int attribute, long value, int bytes) {
    CublasLt.check(
        functions.cublasLtMatmulDescSetAttribute(descriptor, attribute, new long[] {value}, bytes),
        "attribute " + attribute);
  }

  void setBias(long address) {
    set(CublasLt.DESCRIPTOR_BIAS_POINTER, address, Long.BYTES);
  }

  @Override
  public void close() {
    functions.cublasLtMatrixLayoutDestroy(yLayout);
    functions.cublasLtMatrixLayoutDestroy(xLayout);
    functions.cublasLtMatrixLayoutDestroy(weightLayout);
    functions.cublasLtMatmulDescDestroy(descriptor);
  }
}
