package dev.millrace.pipeline.write;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.read.ArrowInput;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.compression.CompressionCodec;
import org.apache.arrow.vector.compression.CompressionUtil;
import org.apache.arrow.vector.compression.NoCompressionCodec;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.ipc.ArrowWriter;
import org.apache.arrow.vector.ipc.message.IpcOption;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Copies Arrow rows to Arrow: the vectors of a record batch are written as they are, the answers as
 * further vectors beside them. A file gives a file, a stream a stream; {@code .feather} files are
 * compressed with zstd, others are not.
 */
final class ArrowCopier implements RowCopier {
  private final InputFile file;
  private final boolean asFile;
  private final ArrowInput input;
  private final AnswerColumns answers;
  private final OutputStream out;
  private final FailureOutput failures;
  private final List<FieldVector> added;
  private final List<Boolean> failedRows = new ArrayList<>();
  private final List<Object[]> failureValues = new ArrayList<>();
  private VectorSchemaRoot batch; // the input's vectors and the added ones
  private ArrowWriter writer;
  private FailureBatches failureBatches;
  private int row = -1; // of the batch, the last one copied
  private int rows;

  /**
   * @param asFile write a file from a stream too, unless that has dictionaries: it may replace them
   *     between batches, a file cannot
   */
  ArrowCopier(
      InputFile file,
      boolean asFile,
      AnswerColumns answers,
      OutputStream out,
      FailureOutput failures)
      throws IOException {
    this.file = file;
    this.input = new ArrowInput(file);
    this.asFile =
        file.format() == InputFormat.ARROW_FILE
            || (asFile && !hasDictionaries(input.schema().getFields()));
    this.answers = answers;
    this.out = out;
    this.failures = failures;
    this.added = new ArrayList<>();
    for (Field field : answers.fields()) {
      added.add(field.createVector(input.allocator()));
    }
  }

  private static boolean hasDictionaries(List<Field> fields) {
    return fields.stream()
        .anyMatch(f -> f.getDictionary() != null || hasDictionaries(f.getChildren()));
  }

  @Override
  public boolean copy(Completion answer) throws IOException {
    while (row + 1 >= rows) {
      writeBatch();
      boolean more = input.nextBatch();
      openWriter();
      if (!more) {
        return false;
      }
      rows = input.root().getRowCount();
      row = -1;
    }
    row++;
    Object[] values = answers.values(answer);
    for (int i = 0; i < values.length; i++) {
      ArrowFieldWriter.set(added.get(i), row, values[i]);
    }
    failedRows.add(answer.isFailed());
    if (answer.isFailed()) {
      failureValues.add(FailureColumns.values(answer.failure()));
    }
    return true;
  }

  /** Dictionaries are known once a batch was asked for, so the writer is opened only then. */
  private void openWriter() throws IOException {
    if (writer == null) {
      Schema schema = input.schema();
      List<FieldVector> vectors = input.root().getFieldVectors();
      batch = joined(vectors, schema.getFields(), added, answers.fields(), schema);
      writer = writer(batch, out);
      writer.start();
    }
  }

  /** Vectors of the input and of ours under the input's own fields: vectors rename theirs. */
  private static VectorSchemaRoot joined(
      List<FieldVector> left,
      List<Field> leftFields,
      List<FieldVector> right,
      List<Field> ours,
      Schema schema) {
    List<FieldVector> vectors = new ArrayList<>(left);
    vectors.addAll(right);
    List<Field> fields = new ArrayList<>(leftFields);
    fields.addAll(ours);
    return new VectorSchemaRoot(new Schema(fields, schema.getCustomMetadata()), vectors, 0);
  }

  private ArrowWriter writer(VectorSchemaRoot root, OutputStream stream) {
    boolean feather = file.name().toLowerCase(Locale.ROOT).endsWith(".feather");
    CompressionCodec.Factory codecs =
        feather ? CommonsCompressionFactory.INSTANCE : NoCompressionCodec.Factory.INSTANCE;
    CompressionUtil.CodecType codec =
        feather ? CompressionUtil.CodecType.ZSTD : CompressionUtil.CodecType.NO_COMPRESSION;
    WritableByteChannel channel = Channels.newChannel(stream);
    return asFile
        ? new ArrowFileWriter(
            root, input.dictionaries(), channel, null, IpcOption.DEFAULT, codecs, codec)
        : new ArrowStreamWriter(
            root, input.dictionaries(), channel, IpcOption.DEFAULT, codecs, codec);
  }

  private void writeBatch() throws IOException {
    int copied = row + 1;
    if (copied == 0) {
      return;
    }
    batch.setRowCount(copied);
    writer.writeBatch();
    if (!failureValues.isEmpty()) {
      if (failureBatches == null) {
        failureBatches = new FailureBatches();
      }
      failureBatches.write();
    }
    added.forEach(FieldVector::clear);
    failedRows.clear();
    failureValues.clear();
    row = -1;
    rows = 0;
  }

  @Override
  public void finish() throws IOException {
    writeBatch();
    openWriter();
    writer.end();
    writer.close();
    if (failureBatches != null) {
      failureBatches.writer.end();
      failureBatches.writer.close();
    }
  }

  @Override
  public boolean hasFailures() {
    return failureBatches != null;
  }

  @Override
  public void close() throws IOException {
    try {
      if (writer != null) {
        writer.close();
      }
      if (failureBatches != null) {
        failureBatches.close();
      }
      added.forEach(FieldVector::close);
      out.close();
    } finally {
      input.close();
    }
  }

  /** Failed rows, as slices of the input's batch: one batch for each run of them. */
  private final class FailureBatches {
    private final List<FieldVector> reasons = new ArrayList<>();
    private final List<FieldVector> kept = new ArrayList<>();
    private final VectorSchemaRoot root;
    private final ArrowWriter writer;

    FailureBatches() throws IOException {
      for (Field field : FailureColumns.FIELDS) {
        reasons.add(field.createVector(input.allocator()));
      }
      for (FieldVector vector : input.root().getFieldVectors()) {
        if (!FailureColumns.NAMES.contains(vector.getName())) {
          kept.add(vector.getField().createVector(input.allocator()));
        }
      }
      Schema schema = input.schema();
      List<Field> keptFields =
          schema.getFields().stream()
              .filter(f -> !FailureColumns.NAMES.contains(f.getName()))
              .toList();
      root = joined(kept, keptFields, reasons, FailureColumns.FIELDS, schema);
      writer = ArrowCopier.this.writer(root, failures.open());
      writer.start();
    }

    void write() throws IOException {
      int value = 0;
      int start = 0;
      while (start < failedRows.size()) {
        if (!failedRows.get(start)) {
          start++;
          continue;
        }
        int end = start;
        while (end < failedRows.size() && failedRows.get(end)) {
          end++;
        }
        write(start, end - start, value);
        value += end - start;
        start = end;
      }
    }

    private void write(int start, int count, int value) throws IOException {
      int k = 0;
      for (FieldVector vector : input.root().getFieldVectors()) {
        if (!FailureColumns.NAMES.contains(vector.getName())) {
          vector.makeTransferPair(kept.get(k)).splitAndTransfer(start, count);
          k++;
        }
      }
      for (int i = 0; i < count; i++) {
        Object[] values = failureValues.get(value + i);
        for (int r = 0; r < values.length; r++) {
          ArrowFieldWriter.set(reasons.get(r), i, values[r]);
        }
      }
      root.setRowCount(count);
      writer.writeBatch();
      root.clear();
    }

    void close() {
      writer.close();
      root.close();
    }
  }
}
