package dev.millrace.pipeline.write;

import dev.millrace.pipeline.read.ValueWeight;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/** Writes rows of values as an Arrow IPC file. */
final class ArrowSink implements RowSink {
  private static final int BATCH_ROWS = 1024;
  private static final long BATCH_BYTES = 32L << 20;

  private final BufferAllocator allocator = new RootAllocator();
  private final VectorSchemaRoot root;
  private final ArrowFileWriter writer;
  private int rows;
  private long bytes;

  ArrowSink(List<Field> fields, OutputStream out) throws IOException {
    root = VectorSchemaRoot.create(new Schema(fields), allocator);
    writer = new ArrowFileWriter(root, null, Channels.newChannel(out));
    writer.start();
  }

  @Override
  public void write(Object[] values) throws IOException {
    List<FieldVector> vectors = root.getFieldVectors();
    for (int i = 0; i < values.length; i++) {
      ArrowFieldWriter.set(vectors.get(i), rows, values[i]);
      bytes += ValueWeight.bytes(values[i]);
    }
    rows++;
    if (rows == BATCH_ROWS || bytes >= BATCH_BYTES) {
      flush();
    }
  }

  private void flush() throws IOException {
    if (rows > 0) {
      root.setRowCount(rows);
      writer.writeBatch();
      root.clear();
      rows = 0;
      bytes = 0;
    }
  }

  @Override
  public void finish() throws IOException {
    flush();
    writer.end();
    writer.close();
  }

  @Override
  public void close() throws IOException {
    writer.close();
    root.close();
    allocator.close();
  }
}
