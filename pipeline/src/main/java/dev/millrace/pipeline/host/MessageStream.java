package dev.millrace.pipeline.host;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.locks.LockSupport;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.Schema;

/** One direction of a connection: messages as rows of an Arrow IPC stream. */
final class MessageStream {
  /** Most messages in a record batch. */
  private static final int BATCH_ROWS = 256;

  /**
   * How long a message waits for others to share its record batch. They come in bursts, what one
   * step answers and what takes its place, and a batch costs as much as many of its rows: without
   * this nearly every one had a batch of its own. An engine's queue lasts for several steps.
   */
  private static final long GATHER_NANOS = 1_000_000;

  private MessageStream() {}

  /**
   * How a message is laid out in a row.
   *
   * @param <M> messages
   */
  interface Layout<M> {
    Schema schema();

    void put(VectorSchemaRoot root, int row, M message);

    M get(VectorSchemaRoot root, int row) throws IOException;
  }

  /** Takes messages as they come. */
  interface Sink<M> {
    void accept(M message) throws IOException;
  }

  /**
   * Writes what the queue holds until interrupted; messages that come soon after one another go
   * into one batch.
   */
  static <M> void write(WritableByteChannel channel, BlockingQueue<M> queue, Layout<M> layout)
      throws IOException, InterruptedException {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(layout.schema(), allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, channel)) {
      writer.start();
      List<M> batch = new ArrayList<>(BATCH_ROWS);
      while (true) {
        batch.add(queue.take());
        if (queue.size() < BATCH_ROWS - 1) {
          LockSupport.parkNanos(GATHER_NANOS);
        }
        queue.drainTo(batch, BATCH_ROWS - 1);
        for (int row = 0; row < batch.size(); row++) {
          layout.put(root, row, batch.get(row));
        }
        root.setRowCount(batch.size());
        writer.writeBatch();
        root.clear();
        batch.clear();
      }
    }
  }

  /** Writes a stream of these messages alone. */
  static <M> void writeAll(WritableByteChannel channel, List<M> messages, Layout<M> layout)
      throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(layout.schema(), allocator);
        ArrowStreamWriter writer = new ArrowStreamWriter(root, null, channel)) {
      writer.start();
      for (int row = 0; row < messages.size(); row++) {
        layout.put(root, row, messages.get(row));
      }
      root.setRowCount(messages.size());
      writer.writeBatch();
    }
  }

  /**
   * Loads the classes that a stream needs, a quarter of a second in a new JVM, with one of none.
   */
  static <M> void rehearse(Layout<M> layout) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    writeAll(Channels.newChannel(bytes), List.of(), layout);
    read(
        Channels.newChannel(new ByteArrayInputStream(bytes.toByteArray())),
        layout,
        message -> {
          throw new IOException("expected no message, found " + message);
        });
  }

  /** Reads until the other side closes the connection. */
  static <M> void read(ReadableByteChannel channel, Layout<M> layout, Sink<M> sink)
      throws IOException {
    try (BufferAllocator allocator = new RootAllocator();
        ArrowStreamReader reader = new ArrowStreamReader(channel, allocator)) {
      VectorSchemaRoot root = reader.getVectorSchemaRoot();
      if (!root.getSchema().equals(layout.schema())) {
        throw new IOException(
            "expected messages of schema " + layout.schema() + ", found " + root.getSchema());
      }
      while (loadNext(reader)) {
        for (int row = 0; row < root.getRowCount(); row++) {
          sink.accept(layout.get(root, row));
        }
      }
    }
  }

  private static boolean loadNext(ArrowStreamReader reader) throws IOException {
    try {
      return reader.loadNextBatch();
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new IOException("the stream breaks off within a message", e);
    }
  }
}
