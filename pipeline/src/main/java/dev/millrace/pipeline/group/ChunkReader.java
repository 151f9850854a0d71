package dev.millrace.pipeline.group;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileReader;

/** Reads the requests of one chunk in order, a record batch in memory. */
public final class ChunkReader implements Closeable {
  private final BufferAllocator allocator = new RootAllocator();
  private final FileChannel channel;
  private final ArrowFileReader reader;
  private final VectorSchemaRoot root;
  private int row;
  private int slot;
  private boolean broken; // Arrow keeps the buffer that it could not fill

  public ChunkReader(Path stage, Chunk chunk) throws IOException {
    channel = FileChannel.open(stage.resolve(chunk.fileName()), StandardOpenOption.READ);
    reader = new ArrowFileReader(channel, allocator);
    root = reader.getVectorSchemaRoot();
  }

  /** The next request, or null at the end. */
  public ChunkRequest next() throws IOException {
    while (row == root.getRowCount()) {
      row = 0;
      if (!load()) {
        root.setRowCount(0);
        return null;
      }
    }
    ChunkRequest request =
        new ChunkRequest(
            slot,
            text(ChunkWriter.ID),
            tokens(),
            text(ChunkWriter.SAMPLING),
            text(ChunkWriter.CONTINUATION));
    row++;
    slot++;
    return request;
  }

  private boolean load() throws IOException {
    try {
      return reader.loadNextBatch();
    } catch (IOException e) {
      broken = true;
      throw e;
    }
  }

  private String text(String column) {
    VarCharVector vector = (VarCharVector) root.getVector(column);
    return vector.isNull(row) ? null : new String(vector.get(row), StandardCharsets.UTF_8);
  }

  private int[] tokens() {
    ListVector list = (ListVector) root.getVector(ChunkWriter.TOKENS);
    IntVector elements = (IntVector) list.getDataVector();
    int start = list.getElementStartIndex(row);
    int[] tokens = new int[list.getElementEndIndex(row) - start];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = elements.get(start + i);
    }
    return tokens;
  }

  @Override
  public void close() throws IOException {
    reader.close();
    channel.close();
    if (!broken) { // it would complain of that buffer, which hides why the read failed
      allocator.close();
    }
  }
}
