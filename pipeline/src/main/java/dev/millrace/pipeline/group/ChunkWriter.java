package dev.millrace.pipeline.group;

import dev.millrace.pipeline.store.JobDescription;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Writes the requests of one chunk as an Arrow file: {@code id: utf8}, {@code tokens: list<int32>},
 * {@code sampling: utf8} (JSON, null for the job's own), {@code continuation: utf8}.
 */
final class ChunkWriter implements Closeable {
  static final String ID = "id";
  static final String TOKENS = "tokens";
  static final String SAMPLING = "sampling";
  static final String CONTINUATION = "continuation";
  private static final int BATCH_ROWS = 256;
  private static final int BATCH_TOKENS = 1 << 18;

  private static final Schema SCHEMA =
      new Schema(
          List.of(
              Field.notNullable(ID, ArrowType.Utf8.INSTANCE),
              new Field(
                  TOKENS,
                  FieldType.notNullable(ArrowType.List.INSTANCE),
                  List.of(Field.notNullable("element", new ArrowType.Int(32, true)))),
              Field.nullable(SAMPLING, ArrowType.Utf8.INSTANCE),
              Field.nullable(CONTINUATION, ArrowType.Utf8.INSTANCE)));

  private final int number;
  private final BufferAllocator allocator = new RootAllocator();
  private final VectorSchemaRoot root = VectorSchemaRoot.create(SCHEMA, allocator);
  private final FileChannel channel;
  private final ArrowFileWriter writer;
  private final MessageDigest digest = JobDescription.sha256();
  private int batchRows;
  private int batchTokens;
  private int rows;
  private long promptTokens;

  ChunkWriter(Path stage, int number, String model) throws IOException {
    this.number = number;
    Path path = stage.resolve(new Chunk(number, 0, 0, "").fileName());
    channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    writer = new ArrowFileWriter(root, null, channel);
    writer.start();
    digest.update(model.getBytes(StandardCharsets.UTF_8));
  }

  int rows() {
    return rows;
  }

  long promptTokens() {
    return promptTokens;
  }

  void add(StagedRecord request) throws IOException {
    digest.update(request.hash());
    text(ID, request.id());
    text(SAMPLING, request.sampling());
    text(CONTINUATION, request.continuation());
    ListVector list = (ListVector) root.getVector(TOKENS);
    IntVector elements = (IntVector) list.getDataVector();
    int[] tokens = request.tokens();
    int at = list.startNewValue(batchRows);
    for (int i = 0; i < tokens.length; i++) {
      elements.setSafe(at + i, tokens[i]);
    }
    list.endValue(batchRows, tokens.length);
    batchRows++;
    batchTokens += tokens.length;
    rows++;
    promptTokens += tokens.length;
    if (batchRows == BATCH_ROWS || batchTokens >= BATCH_TOKENS) {
      flush();
    }
  }

  private void text(String column, String value) {
    if (value != null) {
      byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
      ((VarCharVector) root.getVector(column)).setSafe(batchRows, bytes);
    }
  }

  private void flush() throws IOException {
    if (batchRows > 0) {
      root.setRowCount(batchRows);
      writer.writeBatch();
      root.clear();
      batchRows = 0;
      batchTokens = 0;
    }
  }

  /** Ends the file. */
  Chunk finish() throws IOException {
    flush();
    writer.end();
    channel.force(true);
    String hash = HexFormat.of().formatHex(digest.digest(), 0, 16);
    return new Chunk(number, rows, promptTokens, hash);
  }

  @Override
  public void close() throws IOException {
    writer.close();
    channel.close();
    root.close();
    allocator.close();
  }
}
