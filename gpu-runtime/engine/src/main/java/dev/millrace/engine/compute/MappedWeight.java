package dev.millrace.engine.compute;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A weight left where it is, usually in mapped pages of a workspace, and decoded a block of outputs
 * at a time. Thread-safe.
 */
final class MappedWeight implements Weight {
  private final WeightData data;
  private final ByteBuffer[] ranges;

  /** Where each range begins in the weight, in bytes; the last entry is the end. */
  private final long[] rangeStarts;

  MappedWeight(WeightData data) {
    this.data = data;
    int count = data.ranges().size();
    ranges = new ByteBuffer[count];
    rangeStarts = new long[count + 1];
    for (int i = 0; i < count; i++) {
      ranges[i] = data.ranges().get(i).slice().order(ByteOrder.LITTLE_ENDIAN);
      rangeStarts[i + 1] = rangeStarts[i] + ranges[i].remaining();
    }
  }

  /**
   * Decodes the weights of some outputs.
   *
   * @param firstOutput first of them; a multiple of 64 in int4 tiles
   * @param count how many, at most 64
   * @param target takes them // (count, inputs)
   */
  void decode(long firstOutput, int count, float[] target) {
    switch (shape().layout()) {
      case OUTPUT_MAJOR -> decodeOutputMajor(firstOutput, count, target);
      case INPUT_MAJOR -> decodeInputMajor(firstOutput, count, target);
      case INT4_TILES -> decodeTiles(firstOutput, count, target);
    }
  }

  private void decodeOutputMajor(long firstOutput, int count, float[] target) {
    int inputs = inputs();
    decodeRun(firstOutput * inputs, count * inputs, target, 0, 1);
  }

  private void decodeInputMajor(long firstOutput, int count, float[] target) {
    int inputs = inputs();
    for (int i = 0; i < inputs; i++) {
      decodeRun(i * shape().outputs() + firstOutput, count, target, i, inputs);
    }
  }

  /** Decodes elements that follow each other to every {@code step}-th place of the target. */
  private void decodeRun(long firstElement, int count, float[] target, int start, int step) {
    int elementBytes = shape().type().bytes();
    int done = 0;
    while (done < count) {
      long byteStart = (firstElement + done) * elementBytes;
      int range = rangeOf(byteStart);
      int offset = (int) (byteStart - rangeStarts[range]);
      int here = Math.min(count - done, (ranges[range].limit() - offset) / elementBytes);
      for (int i = 0; i < here; i++) {
        target[start + (done + i) * step] = element(ranges[range], offset + i * elementBytes);
      }
      done += here;
    }
  }

  private float element(ByteBuffer range, int offset) {
    return shape().type() == DType.F32
        ? range.getFloat(offset)
        : sixteenBits(range.getShort(offset));
  }

  private void decodeTiles(long firstOutput, int count, float[] target) {
    int inputs = inputs();
    int slabInputs = inputs / shape().slabs();
    int tilesPerRow = slabInputs / WeightShape.TILE_INPUTS;
    long tilesPerSlab = shape().outputs() / WeightShape.TILE_OUTPUTS * tilesPerRow;
    for (int i = 0; i < inputs; i += WeightShape.TILE_INPUTS) {
      long tile =
          i / slabInputs * tilesPerSlab
              + firstOutput / WeightShape.TILE_OUTPUTS * tilesPerRow
              + i % slabInputs / WeightShape.TILE_INPUTS;
      long tileStart = tile * WeightShape.TILE_BYTES;
      int range = rangeOf(tileStart);
      decodeTile(ranges[range], (int) (tileStart - rangeStarts[range]), count, target, i);
    }
  }

  private void decodeTile(ByteBuffer bytes, int start, int count, float[] target, int firstInput) {
    for (int o = 0; o < count; o++) {
      int scaleAndZero = bytes.getInt(start + 4096 + 4 * o);
      float scale = sixteenBits((short) scaleAndZero);
      float zero = HalfPrecision.bf16((short) (scaleAndZero >>> 16)) - 128;
      for (int k = 0; k < WeightShape.TILE_INPUTS; k++) {
        float nibble = (bytes.getInt(start + wordOffset(o, k)) >>> (4 * nibbleIndex(o, k))) & 0xf;
        target[o * inputs() + firstInput + k] = scale * (nibble - zero);
      }
    }
  }

  /** Where in a tile the 32 bits lie that hold output {@code o}, input {@code k}. */
  private static int wordOffset(int o, int k) {
    int thread = o / 16 * 32 + o % 8 * 4 + k % 8 / 2;
    int step = k / 16;
    return step / 4 * 2048 + thread * 16 + step % 4 * 4;
  }

  /** Which of their eight nibbles it is. */
  private static int nibbleIndex(int o, int k) {
    int lowerRow = o % 16 / 8;
    int laterInputs = k % 16 / 8;
    return k % 2 * 4 + laterInputs * 2 + lowerRow;
  }

  private float sixteenBits(short bits) {
    return shape().type() == DType.F16 ? HalfPrecision.f16(bits) : HalfPrecision.bf16(bits);
  }

  private int rangeOf(long start) {
    int range = 0;
    while (start >= rangeStarts[range + 1]) {
      range++;
    }
    return range;
  }

  private int inputs() {
    return (int) shape().inputs();
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
    return data.shape().bytes();
  }
}
