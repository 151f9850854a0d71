package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.WorkspaceManifest.QuantizationRecord;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.read.QuantizationConfig.Method;
import java.util.HashMap;
import java.util.Map;

/**
 * Weights of a model's real shapes out of a generator, for benchmarks. Deviations keep activations
 * near one: {@code 1 / sqrt(inputs)}, and less by {@code sqrt(2 layers)} where a block adds to the
 * residual stream. Norms are near one, biases near zero.
 */
public final class RandomWeights implements Weights {
  /** Standard deviation of sixteen equally likely numbers. */
  private static final double NIBBLE_DEVIATION = Math.sqrt((16 * 16 - 1) / 12.0);

  private static final int GROUP_INPUTS = 128;

  private final long seed;
  private final ModelConfig config;
  private final Method method;
  private final Map<String, Gaussian> tables = new HashMap<>();
  private long bytes;

  /**
   * Describes the weights.
   *
   * @param method how linear layers are packed; null leaves them dense
   */
  public RandomWeights(long seed, ModelConfig config, Method method) {
    this.seed = seed;
    this.config = config;
    this.method = method;
  }

  @Override
  public Matrix matrix(String module, long outputs, long inputs) {
    boolean residual = module.endsWith(".o_proj") || module.endsWith(".down_proj");
    double deviation = 1 / Math.sqrt((double) inputs);
    if (residual) {
      deviation /= Math.sqrt(2.0 * config.layers());
    }
    boolean linear = module.startsWith("model.layers.");
    if (method == null || !linear) {
      bytes += outputs * inputs * config.elementType().elementBytes();
      return new RandomDense(
          new Counter(seed, module),
          gaussian(config.elementType(), 0, deviation),
          config.elementType(),
          outputs,
          inputs,
          residual);
    }
    bytes += outputs * inputs / 2 + outputs * inputs / GROUP_INPUTS * 5 / 2;
    StorageType scaleType =
        config.elementType() == StorageType.BF16 ? StorageType.BF16 : StorageType.F16;
    double scale = deviation / NIBBLE_DEVIATION;
    return new RandomInt4(
        new Counter(seed, module),
        new Counter(seed, module + ".scales"),
        gaussian(scaleType, scale, scale / 8),
        scaleType,
        outputs,
        inputs,
        method == Method.GPTQ);
  }

  @Override
  public DenseMatrix vector(String name, long size) {
    bytes += size * config.elementType().elementBytes();
    boolean bias = name.endsWith(".bias");
    return new RandomDense(
        new Counter(seed, name),
        gaussian(config.elementType(), bias ? 0 : 1, bias ? 0.02 : 0.05),
        config.elementType(),
        size,
        1,
        false);
  }

  @Override
  public void requireAllUsed() {}

  @Override
  public QuantizationRecord quantization() {
    if (method == null) {
      return null;
    }
    boolean gptq = method == Method.GPTQ;
    return new QuantizationRecord(
        gptq ? "gptq" : "awq", gptq ? "gptq" : "gemm", 4, GROUP_INPUTS, gptq);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  private Gaussian gaussian(StorageType type, double mean, double deviation) {
    return tables.computeIfAbsent(
        type + " " + mean + " " + deviation, key -> new Gaussian(type, mean, deviation));
  }
}
