package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An int4 product that applies the activation itself, against the two verbs. */
@Tag("gpu")
final class CudaGateTest {
  private static final StepLimits LIMITS =
      new StepLimits(64, 8, 1024, 16, 64, new HeadLayout(1, 1, 8));

  /** More units of an output block than a ring of any kernel holds. */
  private static final int INPUTS = 12 * WeightShape.TILE_INPUTS;

  private static final int BLOCK_OUTPUTS = 256;
  private static final float MARKER = 77f;

  @ParameterizedTest
  @CsvSource({"0,0,32", "0,1,5", "0,1,32", "0,7,9", "0,7,16", "0,-1,32", "1,2,8", "1,0,31"})
  void productThenGateInOneKernelIsBothInTurn(int wholeMore, int rest, int rows) {
    Gpu.require();
    int processors = Gpu.parts().device(0).multiprocessors();
    int blocks = (1 + wholeMore) * processors + Math.floorMod(rest, processors);
    int outputs = BLOCK_OUTPUTS * blocks;
    Random random = new Random(blocks * 100L + rows);
    BackendFactory factory = Gpu.backends(CudaSettings.defaults().withGraphs(false));
    try (Backend backend = open(factory)) {
      Weight weight = backend.upload(weight(outputs, random));
      Tensor x = tensor(backend, "x", rows, INPUTS, random);
      Tensor wide = tensor(backend, "wide", rows, outputs, random);
      Tensor expected = tensor(backend, "expected", rows, outputs / 2, random);
      Tensor y =
          backend.allocate(MemoryPurpose.ACTIVATIONS, "y", DType.BF16, rows + 1, outputs / 2);
      float[] marked = new float[(rows + 1) * outputs / 2];
      Arrays.fill(marked, MARKER);
      backend.write(marked, y, rows + 1);

      boolean inside = ((CudaVerbs) backend).gatesInside(x, weight, wide, rows);
      for (int turn = 0; turn < 2; turn++) { // the counts are zero again
        backend.matmulThenGate(x, weight, wide, y, rows);
      }
      backend.matmul(x, weight, wide, rows);
      backend.gatedActivation(wide, expected, rows);

      assertEquals(Gpu.parts().device(0).capability() == 90, inside);
      float[] found = read(backend, y, rows + 1);
      float[] wanted = read(backend, expected, rows);
      int different = 0;
      for (int i = 0; i < wanted.length; i++) {
        float allowed = 0x1p-7f * Math.abs(wanted[i]) + 1e-4f;
        different += Math.abs(found[i] - wanted[i]) <= allowed ? 0 : 1;
      }
      assertEquals(0, different, "of %d elements".formatted(wanted.length));
      for (int i = wanted.length; i < found.length; i++) {
        assertTrue(found[i] == MARKER, "a row beyond the last was written");
      }
      List.of(weight, x, wide, expected, y).forEach(backend::release);
    }
  }

  private static Backend open(BackendFactory factory) {
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      plan.put(purpose, 1L << 40);
    }
    plan.put(MemoryPurpose.SCRATCH, factory.scratchBytes(LIMITS, 1));
    return factory.open(0, 1, LIMITS, plan);
  }

  /** Random nibbles and zeros, scales from 1/64 to 1/32. */
  private static WeightData weight(int outputs, Random random) {
    WeightShape shape = new WeightShape(DType.F16, WeightLayout.INT4_TILES, outputs, INPUTS, 1);
    byte[] bytes = new byte[Math.toIntExact(shape.bytes())];
    random.nextBytes(bytes);
    ByteBuffer tiles = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int numbers = WeightShape.TILE_BYTES - WeightShape.TILE_OUTPUTS * Integer.BYTES;
    for (int tile = 0; tile < bytes.length; tile += WeightShape.TILE_BYTES) {
      for (int row = 0; row < WeightShape.TILE_OUTPUTS; row++) {
        int scale = 0x2400 + random.nextInt(0x400); // float16
        tiles.putInt(tile + numbers + 4 * row, scale | (0x4300 + random.nextInt(16)) << 16);
      }
    }
    return new WeightData("gate_up", shape, List.of(tiles));
  }

  private static Tensor tensor(Backend backend, String name, int rows, int width, Random random) {
    Tensor tensor = backend.allocate(MemoryPurpose.ACTIVATIONS, name, DType.BF16, rows, width);
    float[] values = new float[rows * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    backend.write(values, tensor, rows);
    return tensor;
  }

  private static float[] read(Backend backend, Tensor tensor, int rows) {
    float[] values = new float[rows * tensor.width()];
    backend.read(tensor, rows, values);
    return values;
  }
}
