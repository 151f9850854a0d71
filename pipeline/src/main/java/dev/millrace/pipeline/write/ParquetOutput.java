package dev.millrace.pipeline.write;

import dev.millrace.pipeline.read.ParquetCodecs;
import java.io.IOException;
import java.io.OutputStream;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.conf.ParquetConfiguration;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;

/** Opens Parquet writers on any stream, without a Hadoop runtime. */
final class ParquetOutput {
  /** Fixed, so that the same rows give the same bytes on every machine. */
  private static final long ROW_GROUP_BYTES = 32L << 20;

  /** Rows between looks at what is in memory: with the default, 10,000, large rows fill it. */
  private static final int SIZE_CHECK_ROWS = 10;

  private ParquetOutput() {}

  static <T> ParquetWriter<T> open(OutputStream out, WriteSupport<T> support) throws IOException {
    ParquetConfiguration configuration = new PlainParquetConfiguration();
    Builder<T> builder = new Builder<T>(new Stream(out), support);
    // The least and the greatest value of every row group stay on the heap until the file is
    // closed, whole: none of texts and bytes, which may be large.
    builder.withStatisticsEnabled(false);
    for (ColumnDescriptor column : support.init(configuration).getSchema().getColumns()) {
      if (!mayBeLarge(column.getPrimitiveType())) {
        builder.withStatisticsEnabled(String.join(".", column.getPath()), true);
      }
    }
    return builder
        .withConf(configuration)
        .withCodecFactory(new ParquetCodecs())
        .withCompressionCodec(CompressionCodecName.ZSTD)
        .withRowGroupSize(ROW_GROUP_BYTES)
        .withMinRowCountForPageSizeCheck(1)
        .withMaxRowCountForPageSizeCheck(SIZE_CHECK_ROWS)
        .withPageWriteChecksumEnabled(true)
        .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
        .build();
  }

  private static boolean mayBeLarge(PrimitiveType type) {
    return type.getPrimitiveTypeName() == PrimitiveTypeName.BINARY
        && !(type.getLogicalTypeAnnotation() instanceof DecimalLogicalTypeAnnotation);
  }

  private static final class Builder<T> extends ParquetWriter.Builder<T, Builder<T>> {
    private final WriteSupport<T> support;

    Builder(OutputFile file, WriteSupport<T> support) {
      super(file);
      this.support = support;
    }

    @Override
    protected Builder<T> self() {
      return this;
    }

    @Override
    protected WriteSupport<T> getWriteSupport(ParquetConfiguration configuration) {
      return support;
    }

    @Override
    @SuppressWarnings("deprecation") // abstract in this version, never called here
    protected WriteSupport<T> getWriteSupport(Configuration configuration) {
      return support;
    }
  }

  private record Stream(OutputStream out) implements OutputFile {
    @Override
    public PositionOutputStream create(long blockSizeHint) {
      return new PositionOutputStream() {
        private long position;

        @Override
        public long getPos() {
          return position;
        }

        @Override
        public void write(int b) throws IOException {
          out.write(b);
          position++;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
          out.write(bytes, offset, length);
          position += length;
        }

        @Override
        public void flush() throws IOException {
          out.flush();
        }

        @Override
        public void close() throws IOException {
          out.close();
        }
      };
    }

    @Override
    public PositionOutputStream createOrOverwrite(long blockSizeHint) {
      return create(blockSizeHint);
    }

    @Override
    public boolean supportsBlockSize() {
      return false;
    }

    @Override
    public long defaultBlockSize() {
      return 0;
    }
  }
}
