package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MemoryPurpose;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HostRowsTest {

  private static float widened(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  private static CudaTensor tensor(DType type, int width) {
    return new CudaTensor(MemoryPurpose.ACTIVATIONS, "x", type, 2, width, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 9, 127, 128, 129})
  void rowsAreWrittenWithZerosAsPaddingAndReadWithoutIt(int width) {
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      CudaTensor tensor = tensor(type, width);
      int rowBytes = tensor.pitch() * type.bytes();
      ByteBuffer memory = ByteBuffer.allocate(16 + rowBytes).order(ByteOrder.nativeOrder());
      Arrays.fill(memory.array(), (byte) 0x5a);
      float[] values = new float[width + 3];
      for (int i = 0; i < values.length; i++) {
        values[i] = i - 2.5f; // exact in bf16 up to 128
      }

      HostRows.write(values, 3, tensor, memory, 8);
      float[] read = new float[width + 2];
      HostRows.read(memory, 8, tensor, read, 1);

      for (int i = 0; i < width; i++) {
        float expected = type == DType.F32 ? values[3 + i] : widened(HostRows.bf16(values[3 + i]));
        assertEquals(expected, read[1 + i], type + " " + i);
      }
      assertEquals(0, read[0]);
      assertEquals(0, read[width + 1]);
      for (int at = 8 + width * type.bytes(); at < 8 + rowBytes; at++) {
        assertEquals(0, memory.get(at), type + ": padding at " + at);
      }
      assertEquals(0x5a, memory.get(7));
      assertEquals(0x5a, memory.get(8 + rowBytes));
    }
  }

  @Test
  void everyBf16NumberIsItsOwnRounding() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = widened((short) bits);
      if (!Float.isNaN(value)) {
        assertEquals((short) bits, HostRows.bf16(value), "bits " + Integer.toHexString(bits));
      }
    }
  }

  @Test
  void halfwayGoesToTheEvenNeighbour() {
    assertEquals((short) 0x3f80, HostRows.bf16(Float.intBitsToFloat(0x3f808000)));
    assertEquals((short) 0x3f82, HostRows.bf16(Float.intBitsToFloat(0x3f818000)));
    assertEquals((short) 0x3f81, HostRows.bf16(Float.intBitsToFloat(0x3f808001)));
    assertEquals((short) 0x3f80, HostRows.bf16(Float.intBitsToFloat(0x3f807fff)));
  }

  @Test
  void nanStaysNanAndTheLargestFloatBecomesInfinity() {
    for (int bits : new int[] {0x7f800001, 0x7fc00000, 0xff800001, 0x7fffffff, 0xffffffff}) {
      assertTrue(
          Float.isNaN(widened(HostRows.bf16(Float.intBitsToFloat(bits)))),
          () -> Integer.toHexString(bits));
    }
    assertEquals(Float.POSITIVE_INFINITY, widened(HostRows.bf16(Float.MAX_VALUE)));
    assertEquals(Float.NEGATIVE_INFINITY, widened(HostRows.bf16(-Float.MAX_VALUE)));
  }

  @Test
  void roundingIsToTheNearest() {
    long seed = Long.getLong("tests.seed", 20261125);
    Random random = new Random(seed);
    for (int i = 0; i < 100_000; i++) {
      float value = Float.intBitsToFloat(random.nextInt() & 0xbfffffff); // below 2 in size
      short rounded = HostRows.bf16(value);
      BigDecimal distance = new BigDecimal(value).subtract(new BigDecimal(widened(rounded))).abs();
      for (int step : new int[] {-1, 1}) {
        float neighbour = widened((short) (rounded + step));
        if (Float.isFinite(neighbour)) {
          BigDecimal other = new BigDecimal(value).subtract(new BigDecimal(neighbour)).abs();
          assertTrue(distance.compareTo(other) <= 0, value + ", seed " + seed);
        }
      }
    }
  }
}
