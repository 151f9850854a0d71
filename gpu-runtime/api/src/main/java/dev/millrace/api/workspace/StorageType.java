package dev.millrace.api.workspace;

/** How the numbers of a tensor are stored; all little-endian. */
public enum StorageType {
  /** IEEE 754 binary32. */
  F32(4),
  /** IEEE 754 binary16. */
  F16(2),
  /** The upper half of a binary32. */
  BF16(2),
  /** {@link Int4Tile Tiles} of 64 outputs x 128 inputs with their scales and zeros. */
  INT4(0);

  private final int elementBytes;

  StorageType(int elementBytes) {
    this.elementBytes = elementBytes;
  }

  /**
   * Bytes of one element.
   *
   * @throws IllegalStateException for {@link #INT4}, whose smallest piece is a tile
   */
  public int elementBytes() {
    if (this == INT4) {
      throw new IllegalStateException("INT4 is stored in tiles, not in elements");
    }
    return elementBytes;
  }

  public boolean isDense() {
    return this != INT4;
  }
}
