package dev.millrace.pipeline.write;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.ParquetInput;
import dev.millrace.pipeline.read.ParquetTypes;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.ParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;

/**
 * Copies Parquet rows to Parquet: records pass through as physical values under the file's own
 * schema, so every type, known here or not, stays what it is.
 */
final class ParquetCopier implements RowCopier {
  private final InputFile file;
  private final ParquetFileReader reader;
  private final MessageType schema;
  private final MessageColumnIO columns;
  private final AnswerColumns answers;
  private final FailureOutput failures;
  private final Map<String, String> metadata;
  private final ParquetWriter<Copied> writer;
  private ParquetWriter<Copied> failureWriter;
  private RecordReader<Group> records;
  private long recordsLeft;
  private int rowGroup = -1;
  private boolean finished;

  ParquetCopier(InputFile file, AnswerColumns answers, OutputStream out, FailureOutput failures)
      throws IOException {
    this.file = file;
    this.reader = ParquetInput.open(file);
    this.schema = reader.getFileMetaData().getSchema();
    this.columns =
        new ColumnIOFactory(reader.getFileMetaData().getCreatedBy()).getColumnIO(schema, schema);
    this.answers = answers;
    this.failures = failures;
    this.metadata = reader.getFileMetaData().getKeyValueMetaData();
    this.writer = open(out, keep(List.of()), answers.fields());
  }

  /**
   * A record and what is added to it.
   *
   * @param record the input's record
   * @param added values of the added fields
   */
  @SuppressWarnings("ArrayRecordComponent")
  private record Copied(Group record, Object[] added) {}

  /** Positions of the input's fields but for those of these names. */
  private List<Integer> keep(List<String> dropped) {
    List<Integer> kept = new ArrayList<>();
    for (int i = 0; i < schema.getFieldCount(); i++) {
      if (!dropped.contains(schema.getFieldName(i))) {
        kept.add(i);
      }
    }
    return kept;
  }

  private ParquetWriter<Copied> open(OutputStream out, List<Integer> kept, List<Field> added)
      throws IOException {
    List<Type> types = new ArrayList<>();
    kept.forEach(i -> types.add(schema.getType(i)));
    added.forEach(f -> types.add(ParquetTypes.type(f)));
    Map<String, String> kv = new HashMap<>(metadata);
    ArrowSchemaMetadata.extend(kv, kept.size(), schema.getFieldCount(), added);
    return ParquetOutput.open(
        out, new Support(new MessageType(schema.getName(), types), kv, schema, kept, added));
  }

  @Override
  public boolean copy(Completion answer) throws IOException {
    Group record = next();
    if (record == null) {
      return false;
    }
    writer.write(new Copied(record, answers.values(answer)));
    if (answer.isFailed()) {
      if (failureWriter == null) {
        List<Integer> kept = keep(List.copyOf(FailureColumns.NAMES));
        failureWriter = open(failures.open(), kept, FailureColumns.FIELDS);
      }
      failureWriter.write(new Copied(record, FailureColumns.values(answer.failure())));
    }
    return true;
  }

  /** The next record, or null at the end. */
  private Group next() {
    try {
      while (recordsLeft == 0) {
        PageReadStore pages = reader.readNextRowGroup();
        if (pages == null) {
          return null;
        }
        rowGroup++;
        recordsLeft = pages.getRowCount();
        records = columns.getRecordReader(pages, new GroupRecordConverter(schema));
      }
      recordsLeft--;
      return records.read();
    } catch (RuntimeException | IOException e) {
      throw file.damaged("row group " + Math.max(0, rowGroup), e);
    }
  }

  @Override
  public void finish() throws IOException {
    finished = true;
    writer.close();
    if (failureWriter != null) {
      failureWriter.close();
    }
  }

  @Override
  public boolean hasFailures() {
    return failureWriter != null;
  }

  @Override
  public void close() throws IOException {
    reader.close();
    if (!finished) {
      finish();
    }
  }

  private static final class Support extends WriteSupport<Copied> {
    private final MessageType outSchema;
    private final Map<String, String> metadata;
    private final MessageType inSchema;
    private final List<Integer> kept;
    private final List<Field> added;
    private RecordConsumer out;
    private ParquetFieldWriter fieldWriter;

    Support(
        MessageType outSchema,
        Map<String, String> metadata,
        MessageType inSchema,
        List<Integer> kept,
        List<Field> added) {
      this.outSchema = outSchema;
      this.metadata = metadata;
      this.inSchema = inSchema;
      this.kept = kept;
      this.added = added;
    }

    @Override
    public WriteContext init(ParquetConfiguration configuration) {
      return new WriteContext(outSchema, metadata);
    }

    @Override
    @SuppressWarnings("deprecation") // abstract in this version, never called here
    public WriteContext init(Configuration configuration) {
      return new WriteContext(outSchema, metadata);
    }

    @Override
    public void prepareForWrite(RecordConsumer consumer) {
      out = consumer;
      fieldWriter = new ParquetFieldWriter(consumer);
    }

    @Override
    public void write(Copied row) {
      out.startMessage();
      for (int i = 0; i < kept.size(); i++) {
        field(row.record(), kept.get(i), i, inSchema);
      }
      for (int i = 0; i < added.size(); i++) {
        fieldWriter.write(added.get(i), kept.size() + i, row.added()[i]);
      }
      out.endMessage();
    }

    private void field(Group group, int index, int outIndex, GroupType type) {
      int count = group.getFieldRepetitionCount(index);
      if (count == 0) {
        return;
      }
      Type fieldType = type.getType(index);
      out.startField(fieldType.getName(), outIndex);
      for (int i = 0; i < count; i++) {
        if (fieldType.isPrimitive()) {
          group.writeValue(index, i, out);
        } else {
          out.startGroup();
          GroupType child = fieldType.asGroupType();
          Group value = group.getGroup(index, i);
          for (int k = 0; k < child.getFieldCount(); k++) {
            field(value, k, k, child);
          }
          out.endGroup();
        }
      }
      out.endField(fieldType.getName(), outIndex);
    }
  }
}
