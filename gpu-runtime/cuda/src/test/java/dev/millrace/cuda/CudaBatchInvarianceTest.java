package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.BatchInvarianceContract;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightShape;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.model.TinyModel;
import dev.millrace.engine.step.StepExecutor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** With {@link CudaSettings#batchInvariant} the same row gives the same bits in any batch. */
@Tag("gpu")
final class CudaBatchInvarianceTest implements BatchInvarianceContract {
  private static final int VOCABULARY = 101;

  @TempDir private Path folder;

  private static CudaSettings invariant(int ranks) {
    return CudaSettings.defaults().withDevices(Gpu.devices(ranks)).withBatchInvariant(true);
  }

  @Override
  public BackendFactory factory() {
    return Gpu.backends(invariant(1));
  }

  /** The products of Qwen2.5-7B, a smaller vocabulary aside. */
  @ParameterizedTest(name = "{0}: {1} x {2}")
  @CsvSource({
    "qkv, 4608, 3584, false, false",
    "output, 3584, 3584, true, false",
    "gate_up, 37888, 3584, false, false",
    "down, 3584, 18944, true, false",
    "head, 8192, 3584, false, true",
  })
  void productsOfRealShapesGiveTheSameBits(
      String name, int outputs, int inputs, boolean inputMajor, boolean floatResult) {
    int rowsMax = 1024;
    StepLimits limits = new StepLimits(rowsMax, 8, 256, 8, inputs, new HeadLayout(1, 1, 8));
    BackendFactory factory = factory();
    try (Backend backend = factory.open(0, 1, limits, plan(factory, limits))) {
      WeightShape shape =
          inputMajor
              ? WeightShape.inputMajor(DType.BF16, outputs, inputs)
              : WeightShape.outputMajor(DType.BF16, outputs, inputs);
      Weight weight = backend.upload(new WeightData(name, shape, List.of(numbers(shape.bytes()))));
      Tensor x = backend.allocate(MemoryPurpose.ACTIVATIONS, "x", DType.BF16, rowsMax, inputs);
      Tensor y =
          backend.allocate(
              MemoryPurpose.ACTIVATIONS,
              "y",
              floatResult ? DType.F32 : DType.BF16,
              rowsMax,
              outputs);
      float[] values = new float[rowsMax * inputs];
      Random random = new Random(3);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      backend.write(values, x, rowsMax);
      float[] all = product(backend, x, weight, y, rowsMax);
      for (int rows : new int[] {1, 2, 3, 8, 17, 63, 64, 65, 256, 257, 512}) {
        float[] some = product(backend, x, weight, y, rows);
        assertArrayEquals(Arrays.copyOf(all, rows * outputs), some, name + " of " + rows + " rows");
      }
      backend.release(y);
      backend.release(x);
      backend.release(weight);
    }
  }

  private static float[] product(Backend backend, Tensor x, Weight weight, Tensor y, int rows) {
    backend.matmul(x, weight, y, rows);
    float[] found = new float[rows * y.width()];
    backend.read(y, rows, found);
    return found;
  }

  private static Map<MemoryPurpose, Long> plan(BackendFactory factory, StepLimits limits) {
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      plan.put(purpose, 1L << 40);
    }
    plan.put(MemoryPurpose.SCRATCH, factory.scratchBytes(limits, 1));
    return plan;
  }

  /** Bf16 numbers of either sign from 2^-8 to 2^-4. */
  private static ByteBuffer numbers(long bytes) {
    ByteBuffer buffer =
        ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    SplittableRandom random = new SplittableRandom(7);
    while (buffer.hasRemaining()) {
      long bits = random.nextLong();
      for (int i = 0; i < 4 && buffer.hasRemaining(); i++, bits >>>= 16) {
        int exponent = 119 + (int) (bits & 3);
        buffer.putShort((short) ((bits & 0x8000) | (exponent << 7) | ((bits >>> 2) & 0x7f)));
      }
    }
    return buffer.flip();
  }

  /** Through whole models: prompts cut anyhow, alone or together, sequences of all lengths. */
  @ParameterizedTest(name = "{0} ranks")
  @ValueSource(ints = {1, 2})
  void generatedTokensAndTheirLogprobsAreTheSameBits(int ranks) throws IOException {
    Gpu.require();
    List<StepDriver.Task> tasks = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      int[] prompt = new Random(i).ints(3 + 7 * i, 0, VOCABULARY).toArray();
      tasks.add(new StepDriver.Task(prompt, 40, Set.of()));
    }
    TinyModel.qwen2().write(folder.resolve("ws")).close();
    EngineSettings settings = new EngineSettings("cuda", ranks, 24, 256, 0, 0, true, 0, 20_000);
    try (Workspace workspace = Workspace.open(folder.resolve("ws"));
        StepExecutor executor = CudaExecutor.open(workspace, settings, invariant(ranks))) {
      StepDriver driver = new StepDriver(executor, 256);
      List<StepDriver.Generated> alone = driver.generate(tasks, 1, 256);
      compare(alone, driver.generate(tasks, 3, 17), "three at a time, prompts in 17s");
      compare(alone, driver.generate(tasks, 24, 256), "all at once");
      compare(alone, driver.generate(tasks, 24, 1), "all at once, prompts token by token");
    }
  }

  private static void compare(
      List<StepDriver.Generated> expected, List<StepDriver.Generated> found, String what) {
    for (int i = 0; i < expected.size(); i++) {
      String task = what + ", task " + i;
      assertArrayEquals(expected.get(i).tokenIds(), found.get(i).tokenIds(), task);
      assertArrayEquals(expected.get(i).logprobs(), found.get(i).logprobs(), task);
    }
  }
}
