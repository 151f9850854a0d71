package dev.millrace.pipeline.write;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.read.ParquetCodecs;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.io.LocalInputFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of megabytes, as with images among the columns, do not gather in memory. */
final class LargeRowsTest {
  private static final int ROWS = 40;
  private static final int ROW_BYTES = 2 << 20;
  private static final List<Field> COLUMNS =
      List.of(
          Field.nullable("n", new ArrowType.Int(32, true)),
          Field.nullable("image", ArrowType.Binary.INSTANCE));

  @TempDir private Path folder;

  private static void write(RowSink sink) throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < ROWS; i++) {
      byte[] image = new byte[ROW_BYTES];
      random.nextBytes(image);
      sink.write(new Object[] {i, image});
    }
  }

  @Test
  void arrowBatchesAreBoundedInBytes() throws IOException {
    Path file = folder.resolve("a.arrow");
    try (RowSink sink = new ArrowSink(COLUMNS, Files.newOutputStream(file))) {
      write(sink);
      sink.finish();
    }
    try (BufferAllocator allocator = new RootAllocator();
        ArrowFileReader reader = new ArrowFileReader(FileChannel.open(file), allocator)) {
      assertEquals(3, reader.getRecordBlocks().size()); // of 16, 16 and 8 rows
    }
  }

  @Test
  void parquetRowGroupsAreWrittenAsTheyFillAndTheirLargeValuesForgotten() throws IOException {
    Path file = folder.resolve("a.parquet");
    try (RowSink sink = new ParquetSink(COLUMNS, Files.newOutputStream(file))) {
      write(sink);
      assertTrue(Files.size(file) > ROWS * ROW_BYTES / 4, "written: " + Files.size(file));
      sink.finish();
    }
    ParquetReadOptions options =
        ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withCodecFactory(new ParquetCodecs())
            .build();
    try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(file), options)) {
      for (BlockMetaData group : reader.getFooter().getBlocks()) {
        assertTrue(group.getColumns().get(0).getStatistics().hasNonNullValue(), "of numbers");
        assertTrue(group.getColumns().get(1).getStatistics().isEmpty(), "of bytes");
      }
    }
  }
}
