package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.DelegatingSeekableInputStream;
import org.apache.parquet.io.SeekableInputStream;

/** Opens Parquet files on any file system, without a Hadoop runtime. */
public final class ParquetInput {
  private ParquetInput() {}

  /**
   * Opens a file and reads its footer.
   *
   * @throws InvalidInputException if it is damaged or uses what is not supported
   * @throws RetryableException if the network or the storage fails
   */
  public static ParquetFileReader open(InputFile file) throws IOException {
    ParquetReadOptions options =
        ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withCodecFactory(new ParquetCodecs())
            .usePageChecksumVerification(true)
            .build();
    ParquetFileReader reader;
    try {
      reader = ParquetFileReader.open(new Source(file), options);
    } catch (RuntimeException | IOException e) {
      throw file.damaged("footer", e);
    }
    try {
      checkCodecs(reader, file);
      return reader;
    } catch (InvalidInputException e) {
      reader.close();
      throw e;
    }
  }

  private static void checkCodecs(ParquetFileReader reader, InputFile file) {
    for (BlockMetaData block : reader.getRowGroups()) {
      for (ColumnChunkMetaData column : block.getColumns()) {
        if (!ParquetCodecs.reads(column.getCodec())) {
          throw new InvalidInputException(
              "expected pages of none, snappy, gzip, zstd, lz4 or lz4_raw, found "
                  + column.getCodec()
                  + " in column "
                  + column.getPath().toDotString()
                  + ", which has no decoder for the JVM here (file="
                  + file.location()
                  + "); write the file again with zstd");
        }
      }
    }
  }

  private record Source(InputFile file) implements org.apache.parquet.io.InputFile {
    /** Parquet names it so in its messages. */
    @Override
    public String toString() {
      return file.location();
    }

    @Override
    public long getLength() {
      return file.bytes();
    }

    @Override
    public SeekableInputStream newStream() throws IOException {
      SeekableByteChannel channel = ByteSource.open(file);
      return new DelegatingSeekableInputStream(Channels.newInputStream(channel)) {
        @Override
        public long getPos() throws IOException {
          return channel.position();
        }

        @Override
        public void seek(long position) throws IOException {
          channel.position(position);
        }
      };
    }
  }
}
