package dev.millrace.engine.compute;

/**
 * A float32 tensor in the Java heap: what CPU backends compute with and what a collective between
 * threads of one process sums.
 */
public final class HostTensor implements Tensor {
  private final MemoryPurpose purpose;
  private final String name;
  private final int rows;
  private final int width;
  private final float[] values;

  /**
   * @throws IllegalArgumentException if it has more than 2^31 - 9 elements
   */
  public HostTensor(MemoryPurpose purpose, String name, int rows, int width) {
    long elements = (long) rows * width;
    if (rows < 0 || width < 1 || elements > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "tensor %s: expected rows of at least 0, width of at least 1 and at most 2^31 - 9 elements, found %d x %d"
              .formatted(name, rows, width));
    }
    this.purpose = purpose;
    this.name = name;
    this.rows = rows;
    this.width = width;
    this.values = new float[(int) elements];
  }

  /** The elements, row after row: the tensor's own, not a copy. */
  public float[] values() {
    return values;
  }

  @Override
  public MemoryPurpose purpose() {
    return purpose;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public DType type() {
    return DType.F32;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public long bytes() {
    return (long) rows * width * Float.BYTES;
  }
}
