package dev.millrace.cuda;

import dev.millrace.engine.compute.AttentionContract;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MatrixContract;
import dev.millrace.engine.compute.MemoryContract;
import dev.millrace.engine.compute.RowContract;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import org.junit.jupiter.api.Tag;

/**
 * The contract of a backend on a GPU. Left out: that a row's bits do not depend on its batch, which
 * cuBLASLt does not promise.
 */
@Tag("gpu")
final class CudaBackendContractTest
    implements MemoryContract, MatrixContract, RowContract, AttentionContract {

  @Override
  public BackendFactory factory() {
    return Gpu.backends(CudaSettings.defaults().withGraphs(false));
  }

  /**
   * Weights become bf16, which loses at most half a unit in its 8th bit; bf16 ones are as stored.
   */
  @Override
  public double weightLoss(WeightShape shape) {
    boolean exact = shape.type() == DType.BF16 && shape.layout() != WeightLayout.INT4_TILES;
    return exact ? 0 : 0x1p-8;
  }
}
