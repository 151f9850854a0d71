package dev.millrace.pipeline.write;

import dev.millrace.pipeline.read.ParquetTypes;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.conf.ParquetConfiguration;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.io.api.RecordConsumer;

/** Writes rows of values as Parquet. */
final class ParquetSink implements RowSink {
  private final ParquetWriter<Object[]> writer;
  private boolean finished;

  ParquetSink(List<Field> fields, OutputStream out) throws IOException {
    writer = ParquetOutput.open(out, new Support(fields));
  }

  @Override
  public void write(Object[] values) throws IOException {
    writer.write(values);
  }

  @Override
  public void finish() throws IOException {
    finished = true;
    writer.close();
  }

  @Override
  public void close() throws IOException {
    if (!finished) {
      finish();
    }
  }

  private static final class Support extends WriteSupport<Object[]> {
    private final List<Field> fields;
    private RecordConsumer out;
    private ParquetFieldWriter fieldWriter;

    Support(List<Field> fields) {
      this.fields = fields;
    }

    @Override
    public WriteContext init(ParquetConfiguration configuration) {
      return new WriteContext(ParquetTypes.message(fields), Map.of());
    }

    @Override
    @SuppressWarnings("deprecation") // abstract in this version, never called here
    public WriteContext init(Configuration configuration) {
      return new WriteContext(ParquetTypes.message(fields), Map.of());
    }

    @Override
    public void prepareForWrite(RecordConsumer consumer) {
      out = consumer;
      fieldWriter = new ParquetFieldWriter(consumer);
    }

    @Override
    public void write(Object[] row) {
      out.startMessage();
      for (int i = 0; i < row.length; i++) {
        fieldWriter.write(fields.get(i), i, row[i]);
      }
      out.endMessage();
    }
  }
}
