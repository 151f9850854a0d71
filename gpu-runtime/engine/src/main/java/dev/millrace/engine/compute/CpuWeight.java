package dev.millrace.engine.compute;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;

/**
 * A weight left where it is, usually in mapped pages of a workspace, from which runs of elements
 * are copied to a worker's scratch: a bulk copy runs at the speed of memory, and vectors can be
 * loaded from arrays alone on all the Java versions we run on. Vectors are decoded once, here.
 * Thread-safe.
 */
final class CpuWeight implements Weight {
  private final WeightData data;

  /** Where each range begins, in elements (in tiles for int4); the last entry is the end. */
  private final long[] starts;

  private final FloatBuffer[] floats;
  private final ShortBuffer[] halves;
  private final IntBuffer[] words;
  private final float[] vector;

  CpuWeight(WeightData data) {
    this.data = data;
    int count = data.ranges().size();
    starts = new long[count + 1];
    floats = new FloatBuffer[count];
    halves = new ShortBuffer[count];
    words = new IntBuffer[count];
    int unit = isInt4() ? WeightShape.TILE_BYTES : data.shape().type().bytes();
    for (int i = 0; i < count; i++) {
      ByteBuffer range = data.ranges().get(i).slice().order(ByteOrder.LITTLE_ENDIAN);
      starts[i + 1] = starts[i] + range.remaining() / unit;
      floats[i] = range.asFloatBuffer();
      halves[i] = range.asShortBuffer();
      words[i] = range.asIntBuffer();
    }
    vector = isVector(data.shape()) ? decode() : new float[0];
  }

  /** Bytes taken for a weight: vectors are kept decoded beside the mapped pages. */
  static long bytes(WeightShape shape) {
    return shape.bytes() + (isVector(shape) ? shape.inputs() * Float.BYTES : 0);
  }

  private static boolean isVector(WeightShape shape) {
    return shape.outputs() == 1 && shape.layout() == WeightLayout.OUTPUT_MAJOR;
  }

  private boolean isInt4() {
    return data.shape().layout() == WeightLayout.INT4_TILES;
  }

  private float[] decode() {
    float[] values = new float[Math.toIntExact(shape().inputs())];
    if (shape().type() == DType.F32) {
      copy(0, values, 0, values.length);
      return values;
    }
    short[] bits = new short[values.length];
    copy(0, bits, 0, bits.length);
    for (int i = 0; i < bits.length; i++) {
      values[i] =
          shape().type() == DType.F16 ? HalfPrecision.f16(bits[i]) : HalfPrecision.bf16(bits[i]);
    }
    return values;
  }

  /** The elements of a vector; empty for a matrix. */
  float[] vector() {
    return vector;
  }

  /** Copies float32 elements. */
  void copy(long first, float[] to, int toStart, int count) {
    int range = rangeOf(first);
    while (count > 0) {
      int some = (int) Math.min(count, starts[range + 1] - first);
      floats[range].get((int) (first - starts[range]), to, toStart, some);
      first += some;
      toStart += some;
      count -= some;
      range++;
    }
  }

  /** Copies elements of 16 bits. */
  void copy(long first, short[] to, int toStart, int count) {
    int range = rangeOf(first);
    while (count > 0) {
      int some = (int) Math.min(count, starts[range + 1] - first);
      halves[range].get((int) (first - starts[range]), to, toStart, some);
      first += some;
      toStart += some;
      count -= some;
      range++;
    }
  }

  /** Copies the words of an int4 tile. */
  void copyTile(long tile, int[] to) {
    int range = rangeOf(tile);
    int tileWords = WeightShape.TILE_BYTES / Integer.BYTES;
    words[range].get((int) (tile - starts[range]) * tileWords, to, 0, tileWords);
  }

  private int rangeOf(long index) {
    int range = 0;
    while (index >= starts[range + 1]) {
      range++;
    }
    return range;
  }

  @Override
  public String name() {
    return data.name();
  }

  @Override
  public WeightShape shape() {
    return data.shape();
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.WEIGHTS;
  }

  @Override
  public long bytes() {
    return bytes(data.shape());
  }
}
