package dev.millrace.pipeline.group;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.FailureReason;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.prompt.RequestBuilder;
import dev.millrace.pipeline.prompt.RowMapping;
import dev.millrace.pipeline.read.ByteSource;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;
import dev.millrace.pipeline.read.JsonType;
import dev.millrace.pipeline.read.ParquetTypes;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.read.RowCursor;
import dev.millrace.pipeline.read.RowCursors;
import dev.millrace.pipeline.store.JobDescription;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Reads all rows in order and encodes them on several threads, a few portions ahead. What comes out
 * goes in input order to the sorters and the failures, so nothing depends on the threads.
 */
final class RowReading {
  private static final int PORTION_ROWS = 256;
  private static final long PORTION_BYTES = 1 << 20;
  private static final int PORTIONS_AHEAD = 4; // per thread

  private final JobSettings settings;
  private final PromptEncoder encoder;
  private final Counters counters;
  private final CancelToken cancel;
  private final SpillSorter records;
  private final SpillSorter ids;
  private final int threads;
  private final List<StageManifest.StagedFile> files = new ArrayList<>();
  private final Map<FailureReason, Long> failures = new EnumMap<>(FailureReason.class);
  private final Deque<Future<RowEncoder.Portion>> ahead = new ArrayDeque<>();
  private StageManifest.AnswerShape shape = StageManifest.AnswerShape.PLAIN;
  private JsonType type = JsonType.nothing();
  private long taken;
  private long rows;
  private long failureBytes;

  RowReading(
      JobSettings settings,
      PromptEncoder encoder,
      Counters counters,
      CancelToken cancel,
      SpillSorter records,
      SpillSorter ids) {
    this.settings = settings;
    this.encoder = encoder;
    this.counters = counters;
    this.cancel = cancel;
    this.records = records;
    this.ids = ids;
    this.threads =
        settings.workers() == 0 ? Runtime.getRuntime().availableProcessors() : settings.workers();
  }

  /** A row id: 16 bytes of hash, the row's position, the id itself (cut). */
  @SuppressWarnings("ArrayRecordComponent")
  record IdRecord(byte[] bytes) {
    private static final int HASH_BYTES = 16;
    private static final int SHOWN_BYTES = 200;

    static IdRecord of(String id, long position) {
      byte[] text = id.getBytes(StandardCharsets.UTF_8);
      int shown = Math.min(text.length, SHOWN_BYTES);
      return new IdRecord(
          ByteBuffer.allocate(HASH_BYTES + Long.BYTES + shown)
              .put(JobDescription.sha256().digest(text), 0, HASH_BYTES)
              .putLong(position)
              .put(text, 0, shown)
              .array());
    }

    boolean sameId(IdRecord other) {
      return Arrays.equals(bytes, 0, HASH_BYTES, other.bytes, 0, HASH_BYTES);
    }

    long position() {
      return ByteBuffer.wrap(bytes).getLong(HASH_BYTES);
    }

    String id() {
      int start = HASH_BYTES + Long.BYTES;
      return new String(bytes, start, bytes.length - start, StandardCharsets.UTF_8);
    }
  }

  List<StageManifest.StagedFile> files() {
    return files;
  }

  long rows() {
    return rows;
  }

  Map<FailureReason, Long> failures() {
    return failures;
  }

  StageManifest.AnswerShape shape() {
    return shape;
  }

  /**
   * Reads the files.
   *
   * @param failureOut gets the failures
   * @param failedRowOut gets pairs of row position and offset in {@code failureOut}
   */
  RowReading read(
      List<InputFile> inputs, DataOutputStream failureOut, DataOutputStream failedRowOut)
      throws IOException {
    ExecutorService pool =
        Executors.newFixedThreadPool(
            threads,
            task -> {
              Thread thread = new Thread(task, "millrace-encode");
              thread.setDaemon(true);
              return thread;
            });
    try {
      for (InputFile input : inputs) {
        if (settings.limit() == 0 || taken < settings.limit()) {
          readFile(input, pool, failureOut, failedRowOut);
        }
      }
    } finally {
      pool.shutdownNow();
    }
    return this;
  }

  private void readFile(
      InputFile input, ExecutorService pool, DataOutputStream failureOut, DataOutputStream rowOut)
      throws IOException {
    ByteSource.verifyUnchanged(input);
    long firstRow = rows;
    type = JsonType.nothing();
    InputFile file;
    boolean inferTypes;
    try (RowCursor cursor = RowCursors.open(input)) {
      file = withFormat(input, cursor.columns());
      if (settings.output().format() == OutputFormat.PARQUET
          && input.format() != InputFormat.PARQUET) {
        ParquetTypes.message(cursor.columns()); // what cannot be written is refused at once
      }
      inferTypes = file.format().isJson() && writesTable();
      RowEncoder encoderOfFile = encoder(file, cursor, inferTypes);
      if (encoderOfFile != null) {
        readRows(cursor, encoderOfFile, pool, failureOut, rowOut);
      }
    }
    ByteSource.verifyUnchanged(input);
    String columns = inferTypes ? new Schema(type.columns()).toJson() : null;
    files.add(new StageManifest.StagedFile(file, firstRow, rows - firstRow, columns));
  }

  private boolean writesTable() {
    OutputFormat format = settings.output().format();
    return format == OutputFormat.PARQUET || format == OutputFormat.ARROW;
  }

  /** Lines whose prompt column is named are rows like any other, whatever else they hold. */
  private InputFile withFormat(InputFile file, List<Field> columns) {
    List<String> names = columns.stream().map(Field::getName).toList();
    boolean openai =
        !settings.columns().namesPrompt() && names.contains("custom_id") && names.contains("body");
    return file.format() == InputFormat.JSONL && openai
        ? file.withFormat(InputFormat.OPENAI_BATCH)
        : file;
  }

  /** The encoder of a file, or null for a JSON file without rows, which has no columns at all. */
  private RowEncoder encoder(InputFile file, RowCursor cursor, boolean inferTypes)
      throws IOException {
    List<Field> columns = cursor.columns();
    if (file.format().isJson() && columns.isEmpty() && cursor.next() == null) {
      return null;
    }
    boolean batchLines = file.format() == InputFormat.OPENAI_BATCH && !inferTypes;
    Set<String> reserved = batchLines ? Set.of() : Set.copyOf(settings.output().columnNames());
    for (Field column : columns) {
      if (reserved.contains(column.getName())) {
        throw RowEncoder.nameTaken(column.getName(), file, "");
      }
    }
    RowMapping mapping = RowMapping.find(settings.columns(), file, columns);
    cursor.select(mapping.columns());
    return new RowEncoder(
        file,
        new RequestBuilder(settings, mapping),
        encoder,
        settings.sampling(),
        mapping.id() != null,
        inferTypes,
        reserved);
  }

  private void readRows(
      RowCursor cursor,
      RowEncoder rowEncoder,
      ExecutorService pool,
      DataOutputStream failureOut,
      DataOutputStream rowOut)
      throws IOException {
    long index = 0;
    boolean more = true;
    while (more) {
      cancel.check();
      List<Row> portion = new ArrayList<>();
      long bytes = 0;
      while (portion.size() < PORTION_ROWS && bytes < PORTION_BYTES && more) {
        boolean wanted = settings.limit() == 0 || taken < settings.limit();
        Row row = wanted ? cursor.next() : null;
        more = row != null;
        if (more) {
          portion.add(row);
          bytes += row.weightBytes();
          taken++;
        }
      }
      long first = index;
      long position = taken - portion.size();
      ahead.add(pool.submit(() -> rowEncoder.encode(portion, first, position)));
      index += portion.size();
      while (ahead.size() > (more ? PORTIONS_AHEAD * threads : 0)) {
        take(ahead.remove(), failureOut, rowOut);
      }
    }
  }

  private void take(
      Future<RowEncoder.Portion> future, DataOutputStream failureOut, DataOutputStream rowOut)
      throws IOException {
    RowEncoder.Portion portion = await(future);
    shape = shape.with(portion.shape());
    type = type.join(portion.type());
    for (RowEncoder.Result result : portion.results()) {
      if (result.failure() == null) {
        records.add(result.record().bytes());
        if (result.id() != null) {
          ids.add(IdRecord.of(result.id(), rows).bytes());
        }
        counters.row(false, false, result.record().tokenCount(), 0, 0);
      } else {
        failures.merge(result.failure().reason(), 1L, Long::sum);
        rowOut.writeLong(rows);
        rowOut.writeLong(failureBytes);
        failureBytes += RowIndex.writeFailure(failureOut, result.failure());
        counters.row(true, false, 0, 0, 0);
      }
      rows++;
    }
  }

  private static RowEncoder.Portion await(Future<RowEncoder.Portion> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobCancelledException("interrupted while rows were read");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof JobException job) {
        throw job;
      }
      throw new JobException(
          ExitCode.INTERNAL, "a row could not be encoded: " + e.getCause(), e.getCause());
    }
  }
}
