package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A matrix of floating-point numbers. Thread-safe. */
public interface DenseMatrix extends Matrix {

  /** Type of the elements: F32, F16 or BF16. */
  StorageType type();

  /** Appends whole rows, {@code [rows][inputs]}. */
  void copyRows(long row, int rows, ByteBuffer target) throws IOException;

  /** Appends whole columns, {@code [columns][outputs]}. */
  void copyColumns(long column, int columns, ByteBuffer target) throws IOException;
}
