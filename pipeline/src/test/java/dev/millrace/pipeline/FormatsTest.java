package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.arrow.compression.CommonsCompressionFactory;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.dictionary.Dictionary;
import org.apache.arrow.vector.dictionary.DictionaryProvider;
import org.apache.arrow.vector.ipc.ArrowFileReader;
import org.apache.arrow.vector.ipc.ArrowReader;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.DictionaryEncoding;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.arrow.vector.types.pojo.Schema;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tables written by pyarrow go through a job in every format and codec, and come out unharmed. */
final class FormatsTest {
  private static final List<String> FULL =
      List.of(
          "none.parquet",
          "snappy.parquet",
          "gzip.parquet",
          "zstd.parquet",
          "lz4.parquet",
          "v2.parquet",
          "old.parquet",
          "file.arrow",
          "stream.arrow",
          "lz4.feather",
          "zstd.feather",
          "expected.jsonl");
  private static final List<String> OTHER = List.of("arrow-types.parquet", "dictionary.arrow");

  @TempDir private static Path folder;
  private static Path input;

  @BeforeAll
  static void copyFixtures() throws IOException {
    input = folder.resolve("in");
    for (String name : FULL) {
      Jobs.fixture(name, input.resolve(name.replace('.', '-') + name.substring(name.indexOf('.'))));
    }
    for (String name : OTHER) {
      Jobs.fixture(name, input.resolve(name.replace('.', '-') + name.substring(name.indexOf('.'))));
    }
  }

  private static String stem(String fixture) {
    return fixture.replace('.', '-');
  }

  private static Path run(Path from, String out, OutputFormat format, String column) {
    Path output = folder.resolve(out);
    JobSettings settings =
        Jobs.settings(from, output)
            .withColumns(Jobs.promptColumn())
            .withOutput(OutputSettings.to(output).withFormat(format).withColumn(column));
    assertEquals(
        from.equals(input) ? (FULL.size() + OTHER.size()) * 23 : FULL.size() * 23,
        Jobs.run(settings, out).completed());
    return output;
  }

  @Test
  void everyFormatAndCodecIsReadAsWrittenByPyarrow() throws IOException {
    Path output = run(input, "jsonl", OutputFormat.JSONL, "output");

    List<JsonNode> expected = Jobs.rows(input.resolve("expected-jsonl.jsonl"));
    for (String name : FULL) {
      assertRowsEqual(expected, Jobs.rows(output.resolve(stem(name) + ".jsonl")), name);
    }
  }

  @Test
  void everyFormatBecomesParquetAndArrowAndKeepsItsValues() throws IOException {
    List<JsonNode> expected = Jobs.rows(input.resolve("expected-jsonl.jsonl"));
    for (OutputFormat format : List.of(OutputFormat.PARQUET, OutputFormat.ARROW)) {
      Path tables = run(input, "to-" + format, format, "output");
      String extension = format == OutputFormat.PARQUET ? ".parquet" : ".arrow";
      Path again = Files.createDirectories(folder.resolve("again-" + format));
      for (String name : FULL) {
        // what keeps its format keeps its name
        Path same = tables.resolve(stem(name) + name.substring(name.indexOf('.')));
        Path written = Files.exists(same) ? same : tables.resolve(stem(name) + extension);
        Files.copy(written, again.resolve(stem(name) + extension));
      }

      Path output = run(again, "back-" + format, OutputFormat.JSONL, "second");

      for (String name : FULL) {
        List<JsonNode> rows = Jobs.rows(output.resolve(stem(name) + ".jsonl"));
        assertRowsEqual(expected, rows, name + " by way of " + format);
        for (int i = 0; i < rows.size(); i++) {
          assertEquals(rows.get(i).get("second"), rows.get(i).get("output"), name);
          assertEquals("stop", rows.get(i).get("output_meta").get("finish_reason").asText(), name);
        }
      }
    }
  }

  @Test
  void sameFormatKeepsTypesRecordsAndMetadata() throws IOException {
    Path output = run(input, "same", OutputFormat.SAME, "output");

    for (String name :
        List.of("none.parquet", "v2.parquet", "old.parquet", "arrow-types.parquet")) {
      assertParquetUntouched(
          input.resolve(stem(name) + ".parquet"), output.resolve(stem(name) + ".parquet"));
    }
    for (String name : List.of("file.arrow", "stream.arrow", "lz4.feather", "dictionary.arrow")) {
      String file = stem(name) + name.substring(name.indexOf('.'));
      assertArrowUntouched(input.resolve(file), output.resolve(file), name.startsWith("stream"));
    }
    List<String> before = Files.readAllLines(input.resolve("expected-jsonl.jsonl"));
    List<String> after = Files.readAllLines(output.resolve("expected-jsonl.jsonl"));
    for (int i = 0; i < before.size(); i++) {
      String kept = before.get(i).substring(0, before.get(i).length() - 1);
      assertTrue(after.get(i).startsWith(kept + ",\"output\":"), after.get(i));
    }
  }

  @Test
  void dictionariesThatAStreamReplacesKeepTheirWords() throws IOException {
    Path stream = folder.resolve("replaced/in.arrows");
    Files.createDirectories(stream.getParent());
    writeStream(stream, List.of(List.of("red", "green"), List.of("cat", "dog")));
    Path output = folder.resolve("replaced-out");
    JobSettings settings =
        Jobs.settings(stream, output)
            .withOutput(OutputSettings.to(output).withFormat(OutputFormat.ARROW))
            .withAllowedFailures(1);

    assertEquals(2, Jobs.run(settings, "replaced").failed());

    assertEquals(List.of("red", "green", "cat", "dog"), labels(output.resolve("in.arrows")));
    assertEquals(List.of("green", "dog"), labels(output.resolve("_failures/in.arrows")));
  }

  /** A record batch and a dictionary for each list of words; the last row of a batch fails. */
  private static void writeStream(Path file, List<List<String>> batches) throws IOException {
    DictionaryEncoding encoding = new DictionaryEncoding(1, false, new ArrowType.Int(32, true));
    FieldType type = new FieldType(true, encoding.getIndexType(), encoding);
    try (BufferAllocator allocator = new RootAllocator();
        VarCharVector words = new VarCharVector("words", allocator);
        VarCharVector prompts = new VarCharVector("prompt", allocator);
        IntVector labels = new IntVector("label", type, allocator);
        VectorSchemaRoot root = VectorSchemaRoot.of(prompts, labels);
        OutputStream out = Files.newOutputStream(file);
        ArrowStreamWriter writer =
            new ArrowStreamWriter(
                root,
                new DictionaryProvider.MapDictionaryProvider(new Dictionary(words, encoding)),
                Channels.newChannel(out))) {
      for (List<String> batch : batches) {
        for (int i = 0; i < batch.size(); i++) {
          words.setSafe(i, batch.get(i).getBytes(StandardCharsets.UTF_8));
          String prompt = i == batch.size() - 1 ? "DEADLINE" : "question";
          prompts.setSafe(i, prompt.getBytes(StandardCharsets.UTF_8));
          labels.setSafe(i, i);
        }
        words.setValueCount(batch.size());
        root.setRowCount(batch.size());
        writer.writeBatch();
      }
      writer.end();
    }
  }

  private static List<String> labels(Path table) throws IOException {
    Path output = Files.createTempDirectory(folder, "labels");
    JobSettings settings =
        Jobs.settings(table, output)
            .withOutput(
                OutputSettings.to(output).withFormat(OutputFormat.JSONL).withColumn("second"))
            .withAllowedFailures(1);
    Jobs.run(settings, "labels");
    return Jobs.rows(output.resolve("in.jsonl")).stream()
        .map(row -> row.get("label").asText())
        .toList();
  }

  private static void assertRowsEqual(List<JsonNode> expected, List<JsonNode> rows, String name) {
    assertEquals(expected.size(), rows.size(), name);
    for (int i = 0; i < rows.size(); i++) {
      String where = name + " row " + i;
      for (Iterator<Map.Entry<String, JsonNode>> f = expected.get(i).fields(); f.hasNext(); ) {
        Map.Entry<String, JsonNode> field = f.next();
        assertSame(field.getValue(), rows.get(i).get(field.getKey()), where + " " + field.getKey());
      }
      assertEquals(
          "echo:<user>" + expected.get(i).get("prompt").asText(),
          rows.get(i).get("output").asText(),
          where);
    }
  }

  /** Equal but for how numbers and times are spelt. */
  private static void assertSame(JsonNode expected, JsonNode found, String where) {
    if (expected.isContainerNode() && found != null && found.isContainerNode()) {
      assertEquals(expected.size(), found.size(), where);
      Iterator<JsonNode> other = found.elements();
      expected.elements().forEachRemaining(e -> assertSame(e, other.next(), where));
    } else {
      assertEquals(spelling(expected), spelling(found), where);
    }
  }

  private static String spelling(JsonNode value) {
    String text = value.asText();
    if (text.matches("-?\\d+(\\.\\d+)?([eE]-?\\d+)?")) {
      return new BigDecimal(text).stripTrailingZeros().toPlainString();
    }
    // times: zone and trailing zeros are a matter of spelling
    return text.matches("(\\d{4}-\\d\\d-\\d\\dT)?\\d\\d:\\d\\d(:.*)?")
        ? text.replaceAll("(Z|\\+00:00)$", "").replaceAll("(\\.\\d*?)0+$", "$1")
        : text;
  }

  private static void assertParquetUntouched(Path before, Path after) throws IOException {
    ParquetReadOptions options =
        ParquetReadOptions.builder(new PlainParquetConfiguration())
            .withCodecFactory(new dev.millrace.pipeline.read.ParquetCodecs())
            .build();
    try (ParquetFileReader in = ParquetFileReader.open(new LocalInputFile(before), options);
        ParquetFileReader out = ParquetFileReader.open(new LocalInputFile(after), options)) {
      MessageType inSchema = in.getFileMetaData().getSchema();
      MessageType outSchema = out.getFileMetaData().getSchema();
      List<Type> kept = outSchema.getFields().subList(0, inSchema.getFieldCount());
      assertEquals(inSchema.getFields(), kept, before.toString());
      assertEquals(
          List.of("output", "output_error", "output_meta"),
          outSchema.getFields().subList(kept.size(), outSchema.getFieldCount()).stream()
              .map(Type::getName)
              .toList());
      List<String> inRecords = records(in, inSchema);
      List<String> outRecords = records(out, inSchema);
      assertEquals(inRecords, outRecords, before.toString());
      Map<String, String> inMeta = in.getFileMetaData().getKeyValueMetaData();
      Map<String, String> outMeta = out.getFileMetaData().getKeyValueMetaData();
      assertEquals(inMeta.get("note"), outMeta.get("note"));
      assertEquals(
          arrowFields(inMeta.get("ARROW:schema")),
          arrowFields(outMeta.get("ARROW:schema")).subList(0, inSchema.getFieldCount()));
      assertEquals(outSchema.getFieldCount(), arrowFields(outMeta.get("ARROW:schema")).size());
    }
  }

  private static List<String> arrowFields(String encoded) throws IOException {
    byte[] bytes = Base64.getDecoder().decode(encoded);
    Schema schema =
        org.apache.arrow.vector.ipc.message.MessageSerializer.deserializeSchema(
            new org.apache.arrow.vector.ipc.ReadChannel(
                java.nio.channels.Channels.newChannel(new java.io.ByteArrayInputStream(bytes))));
    return schema.getFields().stream().map(Field::toString).toList();
  }

  /** Records as text, with the repetition of every field, without what is not of the schema. */
  private static List<String> records(ParquetFileReader reader, MessageType schema)
      throws IOException {
    reader.setRequestedSchema(schema);
    List<String> records = new ArrayList<>();
    for (PageReadStore pages = reader.readNextRowGroup();
        pages != null;
        pages = reader.readNextRowGroup()) {
      RecordReader<Group> groups =
          new ColumnIOFactory()
              .getColumnIO(schema, reader.getFileMetaData().getSchema())
              .getRecordReader(pages, new GroupRecordConverter(schema));
      for (long i = 0; i < pages.getRowCount(); i++) {
        records.add(text(groups.read(), schema));
      }
    }
    return records;
  }

  private static String text(Group group, GroupType type) {
    StringBuilder text = new StringBuilder("{");
    for (int f = 0; f < type.getFieldCount(); f++) {
      text.append(type.getFieldName(f)).append('[');
      for (int i = 0; i < group.getFieldRepetitionCount(f); i++) {
        if (type.getType(f).isPrimitive()) {
          text.append(group.getValueToString(f, i));
        } else {
          text.append(text(group.getGroup(f, i), type.getType(f).asGroupType()));
        }
        text.append(',');
      }
      text.append(']');
    }
    return text.append('}').toString();
  }

  private static void assertArrowUntouched(Path before, Path after, boolean stream)
      throws IOException {
    List<String> in = arrow(before, stream, Integer.MAX_VALUE);
    int columns = in.get(0).split("\n").length;
    List<String> out = arrow(after, stream, columns);
    assertEquals(in, out, before.toString());
  }

  /** The first fields, then rows as text, of an Arrow file or stream. */
  private static List<String> arrow(Path path, boolean stream, int columns) throws IOException {
    List<String> text = new ArrayList<>();
    try (BufferAllocator allocator = new RootAllocator();
        FileChannel channel = FileChannel.open(path);
        ArrowReader reader =
            stream
                ? new ArrowStreamReader(channel, allocator, CommonsCompressionFactory.INSTANCE)
                : new ArrowFileReader(channel, allocator, CommonsCompressionFactory.INSTANCE)) {
      Schema schema = reader.getVectorSchemaRoot().getSchema();
      int count = Math.min(columns, schema.getFields().size());
      text.add(
          String.join(
              "\n", schema.getFields().subList(0, count).stream().map(Field::toString).toList()));
      while (reader.loadNextBatch()) {
        for (int i = 0; i < reader.getVectorSchemaRoot().getRowCount(); i++) {
          StringBuilder row = new StringBuilder();
          for (FieldVector vector :
              reader.getVectorSchemaRoot().getFieldVectors().subList(0, count)) {
            Object value = vector.getObject(i);
            row.append(value instanceof byte[] b ? Base64.getEncoder().encodeToString(b) : value)
                .append('|');
          }
          text.add(row.toString());
        }
      }
    }
    return text;
  }
}
