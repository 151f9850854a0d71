package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Reads an Arrow IPC file (Feather v2) or stream, one record batch in memory at a time. The schema
 * is the file's own: dictionary-encoded columns have the type of their indices here.
 */
public final class ArrowInput implements AutoCloseable {
  private final InputFile file;
  private final BufferAllocator allocator;
  private final SeekableByteChannel channel;
  private final ArrowReader reader;
  private int batch = -1;

  /**
   * Opens a file and reads its schema.
   *
   * @throws InvalidInputException if it is damaged or uses what is not supported
   * @throws RetryableException if the network or the storage fails
   */
  public ArrowInput(InputFile file) throws IOException {
    this.file = file;
    this.allocator = new RootAllocator();
    this.channel = ByteSource.open(file);
    this.reader =
        file.format() == InputFormat.ARROW_FILE
            ? new ArrowFileReader(channel, allocator, CommonsCompressionFactory.INSTANCE)
            : new ArrowStreamReader(channel, allocator, CommonsCompressionFactory.INSTANCE);
    try {
      reader.getVectorSchemaRoot();
    } catch (RuntimeException | IOException e) {
      close();
      throw file.damaged("schema", e);
    }
  }

  public BufferAllocator allocator() {
    return allocator;
  }

  public DictionaryProvider dictionaries() {
    return reader;
  }

  /** The vectors that {@link #nextBatch} fills. */
  public VectorSchemaRoot root() throws IOException {
    return reader.getVectorSchemaRoot();
  }

  public Schema schema() throws IOException {
    return root().getSchema();
  }

  /** Loads the next record batch; false at the end. */
  public boolean nextBatch() {
    batch++;
    try {
      return reader.loadNextBatch();
    } catch (RuntimeException | IOException e) {
      throw file.damaged("record batch " + batch, e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      reader.close();
    } finally {
      channel.close();
      allocator.close();
    }
  }
}
