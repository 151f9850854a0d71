package dev.millrace.pipeline.group;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestFailure;
import java.io.Closeable;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * From a row's position to where its answer is: one 64-bit entry a row. An entry from 0 is a chunk
 * number (upper 32 bits) and a slot in it (lower 32 bits); a negative one is the complement of an
 * offset in {@code failures.bin}, where the reason's name and the message lie, each as a 4-byte
 * length and UTF-8.
 */
public final class RowIndex implements Closeable {
  private final LongTable table;
  private final FileChannel failures;

  /** Opens the index of a committed stage. */
  public RowIndex(Path stage) throws IOException {
    table = LongTable.open(stage.resolve(StageManifest.ROW_INDEX));
    failures = FileChannel.open(stage.resolve(StageManifest.FAILURES), StandardOpenOption.READ);
  }

  static long answerEntry(int chunk, int slot) {
    return ((long) chunk << 32) | slot;
  }

  static long failureEntry(long offset) {
    return ~offset;
  }

  /** Appends a failure; returns its size in bytes. */
  static int writeFailure(DataOutputStream out, RequestFailure failure) throws IOException {
    byte[] reason = failure.reason().name().getBytes(StandardCharsets.UTF_8);
    byte[] message = failure.message().getBytes(StandardCharsets.UTF_8);
    out.writeInt(reason.length);
    out.write(reason);
    out.writeInt(message.length);
    out.write(message);
    return 2 * Integer.BYTES + reason.length + message.length;
  }

  /** Rows in all. */
  public long rows() {
    return table.size();
  }

  /** Whether the row failed while it was staged. */
  public boolean isFailure(long position) {
    return table.get(position) < 0;
  }

  public int chunk(long position) {
    return (int) (table.get(position) >>> 32);
  }

  public int slot(long position) {
    return (int) table.get(position);
  }

  /** Why the row failed while it was staged. */
  public RequestFailure failure(long position) throws IOException {
    long offset = ~table.get(position);
    String reason = text(offset);
    String message = text(offset + Integer.BYTES + reason.length());
    return new RequestFailure(FailureReason.valueOf(reason), message);
  }

  private String text(long offset) throws IOException {
    int length = read(offset, Integer.BYTES).getInt();
    ByteBuffer bytes = read(offset + Integer.BYTES, length);
    return StandardCharsets.UTF_8.decode(bytes).toString();
  }

  private ByteBuffer read(long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (failures.read(bytes, offset + bytes.position()) < 0) {
        throw new IOException("failures.bin ended early at " + offset);
      }
    }
    return bytes.flip();
  }

  @Override
  public void close() throws IOException {
    failures.close();
  }
}
