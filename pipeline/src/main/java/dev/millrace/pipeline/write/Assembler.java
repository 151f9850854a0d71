package dev.millrace.pipeline.write;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.pipeline.group.RowIndex;
import dev.millrace.pipeline.group.StageManifest;
import dev.millrace.pipeline.group.StageManifest.StagedFile;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import dev.millrace.pipeline.read.ByteSource;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.JobDescription;
import dev.millrace.pipeline.store.StorageErrors;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * Assembles the output: for each input file one output file of its rows in order with their
 * answers, then the manifest. A file that an earlier run committed is not written again.
 */
public final class Assembler {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final OutputSettings settings;
  private final StageManifest stage;
  private final JobDescription description;
  private final String model;
  private final WorkFolder folder;
  private final Counters counters;
  private final CancelToken cancel;
  private final AnswerColumns answers;

  public Assembler(
      OutputSettings settings,
      StageManifest stage,
      JobDescription description,
      String model,
      WorkFolder folder,
      Counters counters,
      CancelToken cancel) {
    this.settings = settings;
    this.stage = stage;
    this.description = description;
    this.folder = folder;
    this.counters = counters;
    this.cancel = cancel;
    this.answers = new AnswerColumns(settings, stage.columns(), model);
    this.model = model;
  }

  /**
   * An output file that is committed.
   *
   * @param file what it is
   * @param reasons its failures by reason
   */
  record Done(JobReport.OutputFile file, Map<FailureReason, Long> reasons) {}

  /** Writes all files and the manifest. */
  public OutputManifest run() {
    return StorageErrors.guard(folder.output(), this::assemble);
  }

  private OutputManifest assemble() throws IOException {
    Files.createDirectories(folder.files());
    List<JobReport.OutputFile> files = new ArrayList<>();
    Map<FailureReason, Long> failures = new EnumMap<>(FailureReason.class);
    try (RowIndex index = new RowIndex(folder.stage());
        JournalSet journals = new JournalSet(folder.journals(), stage.chunks())) {
      for (int i = 0; i < stage.files().size(); i++) {
        StagedFile staged = stage.files().get(i);
        Path marker = folder.files().resolve(i + ".json");
        Done done = earlier(marker);
        if (done == null) {
          done = new OneFile(staged, index, journals).assemble();
          AtomicFiles.write(marker, JSON.writeValueAsString(done));
        } else {
          count(done);
        }
        files.add(done.file());
        done.reasons().forEach((reason, rows) -> failures.merge(reason, rows, Long::sum));
      }
      OutputManifest manifest =
          OutputManifest.of(
              description, stage.rows(), failures, journals.totals(), files, stage.plan(false));
      AtomicFiles.write(folder.manifest(), manifest.toJson());
      return manifest;
    }
  }

  /** Deletes the output files that an earlier run committed. */
  public static void deleteFiles(WorkFolder folder) throws IOException {
    if (!Files.isDirectory(folder.files())) {
      return;
    }
    try (Stream<Path> markers = Files.list(folder.files())) {
      for (Path marker : (Iterable<Path>) markers::iterator) {
        if (marker.getFileName().toString().matches("\\d+\\.json")) {
          JobReport.OutputFile file = JSON.readValue(Files.readString(marker), Done.class).file();
          Files.deleteIfExists(folder.output().resolve(file.name()));
          if (file.failuresName() != null) {
            Files.deleteIfExists(folder.output().resolve(file.failuresName()));
          }
        }
      }
    }
  }

  private Done earlier(Path marker) throws IOException {
    if (!Files.exists(marker)) {
      return null;
    }
    Done done = JSON.readValue(Files.readString(marker), Done.class);
    Path path = folder.output().resolve(done.file().name());
    return Files.exists(path) && Files.size(path) == done.file().bytes() ? done : null;
  }

  private void count(Done done) {
    for (long row = 0; row < done.file().rows(); row++) {
      counters.row(row < done.file().failures(), true, 0, 0, 0);
    }
  }

  /** The work on one file. */
  private final class OneFile {
    private final StagedFile staged;
    private final InputFile input;
    private final RowIndex index;
    private final JournalSet journals;
    private final String name;
    private final boolean gzip;
    private final Map<FailureReason, Long> reasons = new EnumMap<>(FailureReason.class);
    private CommittedFile failureFile;

    OneFile(StagedFile staged, RowIndex index, JournalSet journals) {
      this.staged = staged;
      this.input = staged.file();
      this.index = index;
      this.journals = journals;
      this.name = OutputNames.of(input, settings.format());
      this.gzip = name.endsWith(".gz");
    }

    Done assemble() throws IOException {
      Path target = folder.output().resolve(name);
      if (ByteSource.isAt(input, target)) {
        throw new InvalidInputException(
            "expected an output folder apart from the input, found that an output file would"
                + " replace its input (file="
                + target
                + "); choose another output folder");
      }
      ByteSource.verifyUnchanged(input);
      CommittedFile file = new CommittedFile(target);
      boolean committed = false;
      try {
        boolean hasFailures = copy(file);
        ByteSource.verifyUnchanged(input);
        if (hasFailures) {
          failureFile.commit();
        }
        file.commit();
        committed = true;
        return done(file, hasFailures);
      } finally {
        if (!committed) {
          file.discard();
          if (failureFile != null) {
            failureFile.discard();
          }
        }
      }
    }

    private boolean copy(CommittedFile file) throws IOException {
      try (RowCopier copier = copier(compressed(file))) {
        for (long row = 0; row < staged.rows(); row++) {
          if (row % 1024 == 0) {
            cancel.check();
          }
          Completion answer = answer(staged.firstRow() + row);
          if (!copier.copy(answer)) {
            throw new InvalidInputException(
                "expected "
                    + staged.rows()
                    + " rows as when the file was staged, found "
                    + row
                    + " (file="
                    + input.location()
                    + "); start again with a new output folder");
          }
          if (answer.isFailed()) {
            reasons.merge(answer.failure().reason(), 1L, Long::sum);
          }
          counters.row(answer.isFailed(), false, 0, 0, 0);
        }
        copier.finish();
        return copier.hasFailures();
      }
    }

    private Completion answer(long position) throws IOException {
      return index.isFailure(position)
          ? Completion.failed("", index.failure(position))
          : journals.completion(index.chunk(position), index.slot(position));
    }

    private OutputStream compressed(OutputStream out) throws IOException {
      return gzip ? new GZIPOutputStream(out, 1 << 16) : out;
    }

    private OutputStream openFailures() throws IOException {
      failureFile = new CommittedFile(folder.output().resolve(WorkFolder.FAILURES).resolve(name));
      return compressed(failureFile);
    }

    private RowCopier copier(OutputStream out) throws IOException {
      InputFormat from = input.format();
      return switch (OutputNames.resolve(from, settings.format())) {
        case PARQUET ->
            from == InputFormat.PARQUET
                ? new ParquetCopier(input, answers, out, this::openFailures)
                : values(ParquetSink::new, out);
        case ARROW ->
            from.isArrow()
                ? new ArrowCopier(
                    input,
                    settings.format() == OutputFormat.ARROW,
                    answers,
                    out,
                    this::openFailures)
                : values(ArrowSink::new, out);
        case JSONL -> {
          if (!from.isJson()) {
            yield values(JsonSink::new, out);
          }
          boolean responses =
              from == InputFormat.OPENAI_BATCH && settings.format() == OutputFormat.SAME;
          yield new JsonCopier(
              input,
              answers,
              responses ? new OpenAiResponses(model) : null,
              out,
              this::openFailures);
        }
        case SAME -> throw new IllegalStateException("resolved above");
      };
    }

    private ValueCopier values(ValueCopier.Sinks sinks, OutputStream out) throws IOException {
      List<Field> columns =
          staged.jsonColumns() == null ? null : Schema.fromJSON(staged.jsonColumns()).getFields();
      return new ValueCopier(input, columns, answers, sinks, out, this::openFailures);
    }

    private Done done(CommittedFile file, boolean hasFailures) {
      long failed = reasons.values().stream().mapToLong(Long::longValue).sum();
      return new Done(
          new JobReport.OutputFile(
              name,
              staged.rows(),
              failed,
              file.bytes(),
              file.sha256(),
              hasFailures ? WorkFolder.FAILURES + "/" + name : null),
          reasons);
    }
  }
}
