package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowFileWriter;
import org.apache.arrow.vector.types.IntervalUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Input that a job must refuse, with what it says. */
final class BadInputTest {
  @TempDir private Path folder;

  private JobException refused(JobSettings settings, String... said) {
    JobException refused =
        assertThrows(
            JobException.class,
            () -> BatchJob.of(settings, ScriptedEngineFactory.named("bad-input")).run());
    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode(), refused.toString());
    for (String part : said) {
      assertTrue(refused.getMessage().contains(part), part + " in: " + refused.getMessage());
    }
    return refused;
  }

  private JobSettings job(Path input) {
    return Jobs.settings(input, folder.resolve("out")).withColumns(Jobs.promptColumn());
  }

  @Test
  void truncatedParquetIsRefused() throws IOException {
    Path file = Jobs.fixture("zstd.parquet", folder.resolve("t.parquet"));
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {bytes.length - 1, bytes.length / 2, 12}) {
      Files.write(file, Arrays.copyOf(bytes, length));
      JobException refused =
          refused(
              job(file), "damaged, truncated or unsupported", "t.parquet", "write the file again");
      assertFalse(refused.getMessage().contains("Source["), refused.getMessage());
    }
  }

  @Test
  void corruptParquetPageIsRefused() throws IOException {
    Path file = Jobs.fixture("v2.parquet", folder.resolve("t.parquet"));
    byte[] bytes = Files.readAllBytes(file);
    for (int i = 400; i < 1200; i++) { // over the id and prompt pages of the first row group
      bytes[i] ^= 0x55;
    }
    Files.write(file, bytes);

    refused(job(file), "damaged, truncated or unsupported", "t.parquet");
  }

  @Test
  void truncatedArrowIsRefused() throws IOException {
    for (String name : List.of("file.arrow", "stream.arrow", "zstd.feather")) {
      Path file = Jobs.fixture(name, folder.resolve(name));
      byte[] bytes = Files.readAllBytes(file);
      Files.write(file, Arrays.copyOf(bytes, bytes.length * 2 / 3));
      refused(job(file), "damaged, truncated or unsupported", name);
    }
  }

  @Test
  void wrongMagicIsRefused() throws IOException {
    Path parquet = Files.writeString(folder.resolve("a.parquet"), "not parquet at all");
    refused(job(parquet), "expected Parquet (first bytes PAR1)", "6e6f742070617271");
    Path empty = Files.createFile(folder.resolve("b.parquet"));
    refused(job(empty), "the file is empty");
    Path feather = Files.writeString(folder.resolve("c.feather"), "FEA1....");
    refused(job(feather), "Feather v1");
    Path array = Files.writeString(folder.resolve("d.json"), "[{\"prompt\":1}]");
    refused(job(array), "one JSON object a line");
    Path other = Files.writeString(folder.resolve("e.csv"), "prompt\nhello\n");
    refused(job(other), "Parquet, Arrow IPC or JSON lines");
  }

  @Test
  void brotliIsRefusedWithItsReason() throws IOException {
    Path file = Jobs.fixture("brotli.parquet", folder.resolve("b.parquet"));

    refused(job(file), "BROTLI", "no decoder", "write the file again with zstd");
  }

  @Test
  void truncatedGzipIsRefused() throws IOException {
    Path file = folder.resolve("a.jsonl.gz");
    try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(file))) {
      for (int i = 0; i < 100_000; i++) {
        out.write(
            ("{\"prompt\":\"p" + i * 7919L % 10_007 + "\"}\n").getBytes(StandardCharsets.UTF_8));
      }
    }
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));

    refused(job(file), "gzip", "damaged or truncated");
  }

  @Test
  void missingColumnIsRefusedWithTheColumnsFound() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'text':'x','n':1}");
    refused(
        Jobs.settings(lines, folder.resolve("out")),
        "prompt, messages, prompt_token_ids or input_ids, found none",
        "columns: text, n");
    refused(
        job(lines).withColumns(ColumnSettings.automatic().withPrompt("question")),
        "one column named question, found none",
        "columns: text, n");
  }

  @Test
  void columnsNamedForOpenAiLinesAreRefused() throws IOException {
    Path lines =
        Jobs.lines(
            folder.resolve("a.jsonl"),
            "{'custom_id':'x','url':'/v1/completions','body':{'prompt':'1'},'extra':'9'}");
    ColumnSettings none = ColumnSettings.automatic();
    Map<String, ColumnSettings> named =
        Map.of(
            "id", none.withId("extra"),
            "continuation", none.withContinuation("extra"),
            "settings", none.withSettings("extra"),
            "max_tokens", none.withOverrides(Map.of("max_tokens", "extra")));
    named.forEach(
        (name, columns) ->
            refused(
                Jobs.settings(lines, folder.resolve("out")).withColumns(columns),
                "expected no " + name + " column for OpenAI batch lines",
                "found extra",
                "a.jsonl"));
    JobSettings asTheyAre =
        Jobs.settings(lines, folder.resolve("out")).withColumns(none.withId("custom_id"));
    assertEquals(1, Jobs.run(asTheyAre, "custom-id").completed());
  }

  @Test
  void rawPromptsTakeNoSystemPrompt() {
    JobSettings raw = Jobs.settings(folder, folder.resolve("out")).withRawPrompt(true);

    JobException refused = assertThrows(JobException.class, () -> raw.withSystemPrompt("S"));

    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode());
    assertTrue(refused.getMessage().contains("system_prompt: expected none beside raw_prompt"));
  }

  @Test
  void severalPromptColumnsMustBeToldApart() throws IOException {
    Path file = Jobs.fixture("none.parquet", folder.resolve("a.parquet"));

    refused(
        Jobs.settings(file, folder.resolve("out")),
        "several (messages, prompt)",
        "name the column");
  }

  @Test
  void columnOfAnotherTypeIsRefused() throws IOException {
    Path file = Jobs.fixture("none.parquet", folder.resolve("a.parquet"));

    refused(
        job(file).withColumns(ColumnSettings.automatic().withPrompt("i64")),
        "column i64 to hold text",
        "Int(64, true)");
  }

  @Test
  void columnsThatParquetCannotHoldAreRefusedBeforeAnEngineIsOpened() throws IOException {
    Path file = folder.resolve("a.arrow");
    Field span = Field.nullable("span", new ArrowType.Interval(IntervalUnit.DAY_TIME));
    Schema schema = new Schema(List.of(Field.nullable("prompt", ArrowType.Utf8.INSTANCE), span));
    try (BufferAllocator allocator = new RootAllocator();
        VectorSchemaRoot root = VectorSchemaRoot.create(schema, allocator);
        OutputStream out = Files.newOutputStream(file);
        ArrowFileWriter writer = new ArrowFileWriter(root, null, Channels.newChannel(out))) {
      ((VarCharVector) root.getVector(0)).setSafe(0, "x".getBytes(StandardCharsets.UTF_8));
      root.setRowCount(1);
      writer.writeBatch();
      writer.end();
    }
    JobSettings settings = job(file);
    AtomicInteger opened = ScriptedEngineFactory.named("bad-input").counts().opened;
    int before = opened.get();

    refused(
        settings.withOutput(settings.output().withFormat(OutputFormat.PARQUET)),
        "columns that Parquet can hold",
        "Interval(DAY_TIME)",
        "column=span");
    assertEquals(before, opened.get());
  }

  @Test
  void outputNameAmongTheInputColumnsIsRefused() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x','output_meta':1}");

    refused(job(lines), "found output_meta", "give the output column another name");

    JobSettings renamed =
        job(lines).withOutput(OutputSettings.to(folder.resolve("out2")).withColumn("answer"));
    assertEquals(1, Jobs.run(renamed, "renamed").completed());
  }

  @Test
  void aFileWithoutThePromptColumnAmongOthersIsNamed() throws IOException {
    Jobs.lines(folder.resolve("in/a.jsonl"), "{'prompt':'x'}");
    Jobs.lines(folder.resolve("in/b.jsonl"), "{'frage':'x'}");

    refused(job(folder.resolve("in")), "b.jsonl", "columns: frage");
  }

  @Test
  void filesWithDifferentOtherColumnsAreFine() throws IOException {
    Jobs.lines(folder.resolve("in/a.jsonl"), "{'prompt':'x','a':1}");
    Jobs.lines(folder.resolve("in/b.jsonl"), "{'b':[1],'prompt':'y'}");
    Jobs.fixture("none.parquet", folder.resolve("in/c.parquet"));

    assertEquals(25, Jobs.run(job(folder.resolve("in")), "mixed").completed());
  }

  @Test
  void duplicateIdsAreRefused() throws IOException {
    Path lines =
        Jobs.lines(
            folder.resolve("a.jsonl"),
            "{'custom_id':'x','body':{'prompt':'1'}}",
            "{'custom_id':'y','body':{'prompt':'2'}}",
            "{'custom_id':'x','body':{'prompt':'3'}}");

    refused(Jobs.settings(lines, folder.resolve("out")), "unique", "found x in row 0 and in row 2");
  }

  @Test
  void missingInputIsRefused() {
    refused(job(folder.resolve("none.parquet")), "found nothing");
    refused(job(folder.resolve("*.parquet")), "found none that match");
  }

  @Test
  void noRowsGiveAnEmptyOutput() throws IOException {
    Path file = Files.createFile(folder.resolve("a.jsonl"));

    JobReport report = Jobs.run(job(file), "no-rows");

    assertEquals(0, report.rows());
    assertEquals(ExitCode.DONE, report.exitCode());
    assertEquals(0, Files.size(folder.resolve("out/a.jsonl")));
    JobSettings table =
        job(file)
            .withOutput(OutputSettings.to(folder.resolve("out2")).withFormat(OutputFormat.PARQUET));
    assertEquals(0, Jobs.run(table, "no-rows").rows());
  }

  @Test
  void aFileThatGrowsWhileItIsReadIsRefused() throws IOException {
    Path file = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}", "{'prompt':'y'}");
    JobListener writer =
        new JobListener() {
          @Override
          public void stageStarted(JobStage stage) {
            if (stage == JobStage.ASSEMBLE) {
              try {
                Files.writeString(file, "{\"prompt\":\"z\"}\n", StandardOpenOption.APPEND);
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            }
          }
        };
    JobException refused =
        assertThrows(
            JobException.class,
            () ->
                BatchJob.of(job(file), ScriptedEngineFactory.named("grows"))
                    .withListener(writer)
                    .run());

    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode());
    assertTrue(refused.getMessage().contains("changed while the job used it"), refused.toString());
    assertFalse(Files.exists(folder.resolve("out/a.jsonl")));
    refused(job(file), "input a.jsonl: file 1, 30 bytes");
  }

  @Test
  void outputThatCannotBeWrittenIsRefused() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}");
    Path blocked = Files.writeString(folder.resolve("blocked"), "a file");
    refused(Jobs.settings(lines, blocked), "expected an output folder that can be written");
  }

  @Test
  void outputWhereNoFolderCanBeIsRefused() throws IOException {
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "no file system of this kind");
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}");
    refused(Jobs.settings(lines, Path.of("/proc/millrace/out")), "choose another output");
  }

  @Test
  void inputBelowTheOutputFolderIsRefused() throws IOException {
    Path out = Jobs.lines(folder.resolve("out/a.jsonl"), "{'prompt':'x'}").getParent();
    for (Path input : List.of(out, out.resolve("*.jsonl"), out.resolve("../out"))) {
      refused(Jobs.settings(input, out), "expected an input outside of the output folder");
    }
  }

  @Test
  void outputWithoutPermissionIsRefused() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}");
    Path locked = Files.createDirectory(folder.resolve("locked"));
    locked.toFile().setWritable(false);
    assumeFalse(Files.isWritable(locked), "this user may write everywhere");
    refused(Jobs.settings(lines, locked), "expected an output folder that can be written");
  }

  @Test
  void someoneElsesFileIsNotReplaced() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}");
    Jobs.lines(folder.resolve("out/a.jsonl"), "{'precious':1}");

    refused(job(lines), "one that is not this job's");
    refused(Jobs.settings(lines, folder), "one that is not this job's");
  }

  @Test
  void aListenerThatThrowsEndsTheJob() throws IOException {
    Path lines = Jobs.lines(folder.resolve("a.jsonl"), "{'prompt':'x'}");
    JobListener broken =
        new JobListener() {
          @Override
          public void progressed(JobProgress progress) {
            throw new IllegalStateException("broken listener");
          }
        };

    RuntimeException thrown =
        assertThrows(
            RuntimeException.class,
            () ->
                BatchJob.of(job(lines), ScriptedEngineFactory.named("listener"))
                    .withListener(broken)
                    .run());

    assertEquals("broken listener", thrown.getMessage());
  }
}
