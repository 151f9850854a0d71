package dev.millrace.cuda;

import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;

/**
 * A weight in device memory. Dense matrices are bf16, each stored row padded with zeros to a
 * multiple of 8 elements, and rows of zeros up to a multiple of 8 inputs where inputs are
 * outermost. Vectors are float32, and bf16 behind that for products that add them. Int4 tiles lie
 * as they are in the workspace; an expanded weight has its bf16 matrix behind them.
 */
final class CudaWeight implements Weight {
  private final String name;
  private final WeightShape shape;
  private final long address;
  private final boolean expanded;

  /**
   * @param expanded whether int4 weights are there as bf16 too; nothing for others
   */
  CudaWeight(String name, WeightShape shape, long address, boolean expanded) {
    this.name = name;
    this.shape = shape;
    this.address = address;
    this.expanded = expanded && isInt4(shape);
  }

  static boolean isInt4(WeightShape shape) {
    return shape.layout() == WeightLayout.INT4_TILES;
  }

  static boolean isVector(WeightShape shape) {
    return shape.layout() == WeightLayout.OUTPUT_MAJOR && shape.outputs() == 1;
  }

  static long bytes(WeightShape shape, boolean expanded) {
    if (isInt4(shape)) {
      return DeviceArena.pieceBytes(shape.bytes()) + (expanded ? expandedBytes(shape) : 0);
    }
    if (isVector(shape)) {
      return vectorBytes(shape) + DeviceArena.pieceBytes(CudaTensor.pitch(shape.inputs()) * 2L);
    }
    return DeviceArena.pieceBytes((long) storedRows(shape) * pitch(shape) * 2);
  }

  /** What the bf16 matrix of an int4 weight takes. */
  static long expandedBytes(WeightShape shape) {
    return DeviceArena.pieceBytes(shape.outputs() * shape.inputs() * 2);
  }

  private static long vectorBytes(WeightShape shape) {
    return DeviceArena.pieceBytes(CudaTensor.pitch(shape.inputs()) * 4L);
  }

  /** Elements from a stored row of a dense weight to the next. */
  static int pitch(WeightShape shape) {
    return CudaTensor.pitch(isInputMajor(shape) ? shape.outputs() : shape.inputs());
  }

  static boolean isInputMajor(WeightShape shape) {
    return shape.layout() == WeightLayout.INPUT_MAJOR;
  }

  private static int storedRows(WeightShape shape) {
    return isInputMajor(shape)
        ? CudaTensor.pitch(shape.inputs())
        : Math.toIntExact(shape.outputs());
  }

  long address() {
    return address;
  }

  /** Where the bf16 copy of a vector, or of an expanded int4 weight, is. */
  long bf16Address() {
    return address + (expanded ? DeviceArena.pieceBytes(shape.bytes()) : vectorBytes(shape));
  }

  boolean isExpanded() {
    return expanded;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public WeightShape shape() {
    return shape;
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.WEIGHTS;
  }

  @Override
  public long bytes() {
    return bytes(shape, expanded);
  }
}
