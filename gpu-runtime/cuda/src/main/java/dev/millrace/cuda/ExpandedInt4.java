package dev.millrace.cuda;

import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.WeightShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Products with int4 weights that are there as bf16 too. */
final class ExpandedInt4 {
  private final Matmuls matmuls;
  private final Map<WeightShape, List<Long>> alike = new HashMap<>();

  ExpandedInt4(Matmuls matmuls) {
    this.matmuls = matmuls;
  }

  /** Remembers a weight among those of its shape. */
  void register(CudaWeight weight) {
    alike.computeIfAbsent(weight.shape(), shape -> new ArrayList<>()).add(weight.bf16Address());
  }

  /**
   * y = x W^T + bias.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    int inputs = Math.toIntExact(weight.shape().inputs());
    Product product =
        new Product(
            rows,
            Math.toIntExact(weight.shape().outputs()),
            inputs,
            false,
            inputs,
            x.pitch(),
            y.pitch(),
            y.isFloat(),
            bias != 0);
    matmuls.run(
        product,
        x.address(),
        weight.bf16Address(),
        alike.getOrDefault(weight.shape(), List.of()),
        bias,
        y.address());
  }
}
