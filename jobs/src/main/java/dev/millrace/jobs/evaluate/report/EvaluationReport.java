package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes what people and tools read of a night into its folder, from what is there: the same night
 * gives the same files, whenever and however often they are written.
 *
 * <pre>
 * report.html            the page: one file, no network
 * junit.xml              for CI systems
 * tasks.csv rows.csv     for spreadsheets: scores, and the rows that the page shows
 * results.parquet        one row a task and metric, for SQL
 * samples.parquet        one row a sample
 * lm-eval/MODEL/         results_TIME.json and samples_TASK_TIME.jsonl, as lm-evaluation-harness
 *                        0.4 lays them out
 * </pre>
 */
public final class EvaluationReport {
  public static final String PAGE = "report.html";
  public static final String JUNIT = "junit.xml";
  public static final String TASKS_CSV = "tasks.csv";
  public static final String ROWS_CSV = "rows.csv";
  public static final String RESULTS_PARQUET = "results.parquet";
  public static final String SAMPLES_PARQUET = "samples.parquet";

  /** Rows that the page shows, over all tasks, and the least of each task and kind. */
  private static final int ROWS_MAX = 1200;

  private static final int ROWS_MIN = 3;
  private static final int ROWS_OF_ONE_KIND_MAX = 150;

  /** Characters of all texts of the rows together, and of one text. */
  private static final int TEXT_CHARS_ALL = 8_000_000;

  private static final int TEXT_CHARS_MAX = 6000;
  private static final int TEXT_CHARS_MIN = 80;
  private static final int TEXTS_A_ROW = 6;

  private final EvaluationFolder evaluation;
  private final NightFolder folder;

  private EvaluationReport(EvaluationFolder evaluation, NightFolder folder) {
    this.evaluation = evaluation;
    this.folder = folder;
  }

  /**
   * Writes all of it. A part that fails keeps no other from being written.
   *
   * @throws IOException the first failure, once all parts were tried
   */
  public static void write(EvaluationFolder evaluation, NightFolder folder) throws IOException {
    new EvaluationReport(evaluation, folder).write();
  }

  private interface Part {
    void write() throws IOException;
  }

  private void write() throws IOException {
    NightResult night = folder.read();
    Page page = page(night);
    Path path = folder.path();
    List<Part> parts =
        List.of(
            () -> page(page, path.resolve(PAGE)),
            () -> AtomicFiles.write(path.resolve(JUNIT), JunitXml.of(night)),
            () -> AtomicFiles.write(path.resolve(TASKS_CSV), CsvTables.tasks(night)),
            () -> AtomicFiles.write(path.resolve(ROWS_CSV), CsvTables.rows(page)),
            () -> ParquetResults.write(night, path.resolve(RESULTS_PARQUET)),
            () -> ParquetSamples.write(night, folder, path.resolve(SAMPLES_PARQUET)),
            () -> HarnessFiles.write(night, folder));
    IOException first = null;
    for (Part part : parts) {
      try {
        part.write();
      } catch (IOException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  private Page page(NightResult night) throws IOException {
    NightFolder accepted = accepted(night);
    int tasks = Math.max(1, night.tasks().size());
    int perKind = Math.max(ROWS_MIN, Math.min(ROWS_OF_ONE_KIND_MAX, ROWS_MAX / (2 * tasks)));
    int each = TEXT_CHARS_ALL / (TEXTS_A_ROW * 2 * perKind * tasks);
    int chars = Math.max(TEXT_CHARS_MIN, Math.min(TEXT_CHARS_MAX, each));
    FlipFinder finder = new FlipFinder(folder, accepted, perKind, chars);
    List<TaskFlips> rows = new ArrayList<>();
    for (TaskResult task : night.tasks()) {
      rows.add(finder.find(task));
    }
    return new Page(night, History.read(evaluation, night), rows, accepted != null);
  }

  /** The accepted night's files, if they are still those that the night was compared with. */
  private NightFolder accepted(NightResult night) throws IOException {
    NightFolder baseline = evaluation.baseline();
    boolean same =
        night.baselineNightId() != null
            && baseline.isFinished()
            && baseline.read().nightId().equals(night.baselineNightId());
    return same ? baseline : null;
  }

  private static void page(Page page, Path file) throws IOException {
    Path temporary = AtomicFiles.temporary(file);
    try (BufferedWriter out = Files.newBufferedWriter(temporary)) {
      HtmlPage.write(page, out);
    }
    AtomicFiles.commit(temporary, file);
  }
}
