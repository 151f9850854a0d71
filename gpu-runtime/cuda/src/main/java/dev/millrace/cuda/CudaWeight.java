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
 * as they are in the workspace.
 */
final class CudaWeight implements Weight {
  private final String name;
  private final WeightShape shape;
  private final long address;

  CudaWeight(String name, WeightShape shape, long address) {
    this.name = name;
    this.shape = shape;
    this.address = address;
  }

  static boolean isVector(WeightShape shape) {
    return shape.layout() == WeightLayout.OUTPUT_MAJOR && shape.outputs() == 1;
  }

  static long bytes(WeightShape shape) {
    if (shape.layout() == WeightLayout.INT4_TILES) {
      return DeviceArena.pieceBytes(shape.bytes());
    }
    if (isVector(shape)) {
      return vectorBytes(shape) + DeviceArena.pieceBytes(CudaTensor.pitch(shape.inputs()) * 2L);
    }
    return DeviceArena.pieceBytes((long) storedRows(shape) * pitch(shape) * 2);
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

  /** Where a vector's bf16 copy is. */
  long bf16Address() {
    return address + vectorBytes(shape);
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
    return bytes(shape);
  }
}
