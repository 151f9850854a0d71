package dev.millrace.converter.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;

/**
 * The bytes of a stored tensor as rows, memory-mapped on first use, so that no tensor needs heap.
 * Large tensors are mapped in windows of whole rows. Thread-safe.
 */
public final class TensorData {
  private static final long WINDOW_BYTES_MAX = 1L << 30;

  private final StoredTensor tensor;
  private final long rows;
  private final int rowBytes;
  private final long windowRows;
  private final ByteBuffer[] windows;

  TensorData(StoredTensor tensor) {
    this(tensor, WINDOW_BYTES_MAX);
  }

  TensorData(StoredTensor tensor, long windowBytesMax) {
    this.tensor = tensor;
    this.rows = tensor.shape().isEmpty() ? 1 : tensor.shape().get(0);
    this.rowBytes = rows == 0 ? 0 : Math.toIntExact(tensor.bytes() / rows);
    this.windowRows = Math.max(1, windowBytesMax / Math.max(1, rowBytes));
    this.windows = new ByteBuffer[Math.toIntExact((rows + windowRows - 1) / windowRows)];
  }

  public StoredTensor tensor() {
    return tensor;
  }

  /** Size of the outermost dimension. */
  public long rows() {
    return rows;
  }

  /** Bytes of one row. */
  public int rowBytes() {
    return rowBytes;
  }

  /** A little-endian buffer that holds a row at {@link #offset}; never move its position. */
  public ByteBuffer window(long row) throws IOException {
    int index = (int) (row / windowRows);
    ByteBuffer window = windows[index];
    return window != null ? window : map(index);
  }

  /** Where a row begins in its window. */
  public int offset(long row) {
    return (int) (row % windowRows) * rowBytes;
  }

  /** Appends whole rows to a buffer. */
  public void copyRows(long row, long count, ByteBuffer target) throws IOException {
    long at = row;
    long end = row + count;
    while (at < end) {
      long here = Math.min(end, (at / windowRows + 1) * windowRows) - at;
      target.put(window(at).slice(offset(at), Math.toIntExact(here * rowBytes)));
      at += here;
    }
  }

  private ByteBuffer map(int index) throws IOException {
    synchronized (windows) {
      if (windows[index] == null) {
        long from = index * windowRows * rowBytes;
        long bytes = Math.min(windowRows * rowBytes, tensor.bytes() - from);
        try (FileChannel channel = FileChannel.open(tensor.file(), StandardOpenOption.READ)) {
          if (channel.size() < tensor.offset() + tensor.bytes()) {
            throw new CheckpointException(
                tensor.where(),
                "a file of at least " + (tensor.offset() + tensor.bytes()) + " bytes",
                channel.size() + " bytes",
                "the file shrank while it was converted; convert again");
          }
          windows[index] =
              channel
                  .map(FileChannel.MapMode.READ_ONLY, tensor.offset() + from, bytes)
                  .order(ByteOrder.LITTLE_ENDIAN);
        }
      }
      return windows[index];
    }
  }
}
