package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import dev.millrace.pipeline.job.ResumeRefusedException;
import dev.millrace.pipeline.job.StagePlan;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job that is started again: what it takes over, what it computes, what it refuses. */
final class ResumeTest {
  private static final int ROWS = 90;

  @TempDir private Path folder;
  private JobSettings settings;

  @BeforeEach
  void writeInput() throws IOException {
    List<String> a = new ArrayList<>();
    List<String> b = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      (i < 60 ? a : b)
          .add("{'n':" + i + ",'prompt':'row " + i + (i % 9 == 4 ? " DEADLINE" : "") + "'}");
    }
    Jobs.lines(folder.resolve("in/a.jsonl"), a.toArray(String[]::new));
    Jobs.lines(folder.resolve("in/b.jsonl"), b.toArray(String[]::new));
    settings = to("out");
  }

  private JobSettings to(String output) {
    return Jobs.settings(folder.resolve("in"), folder.resolve(output))
        .withOutput(OutputSettings.to(folder.resolve(output)).withKeepWorkFiles(true))
        .withChunkRows(16)
        .withAllowedFailures(0.5);
  }

  /** Bytes of all output files by name. */
  private Map<String, String> output(String name) throws IOException {
    Map<String, String> files = new TreeMap<>();
    Path out = folder.resolve(name);
    try (Stream<Path> all = Files.walk(out)) {
      for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
        String relative = out.relativize(file).toString();
        if (!relative.startsWith("_millrace")) {
          files.put(relative, Files.readString(file));
        }
      }
    }
    return files;
  }

  private Path work(String path) {
    return folder.resolve("out/_millrace").resolve(path);
  }

  private List<Path> journals() throws IOException {
    try (Stream<Path> files = Files.list(work("journals"))) {
      return files.sorted().toList();
    }
  }

  /** Something that a crash may have left, or not left yet. */
  private interface Damage {
    void apply() throws IOException;
  }

  /** Runs again after the damage; the output must be the same. Returns requests computed. */
  private long rerun(String name, Damage damage) throws IOException {
    Map<String, String> before = output("out");
    damage.apply();
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("resume");
    long computed = factory.counts().requests.get();

    JobReport report = BatchJob.of(settings, factory).run();

    assertEquals(ROWS, report.rows(), name);
    assertEquals(80, report.completed(), name);
    assertEquals(before, output("out"), name);
    return factory.counts().requests.get() - computed;
  }

  @Test
  void aCrashAtAnyCommitPointLosesNothingThatWasCommitted() throws IOException {
    Jobs.run(settings, "resume");
    Path out = folder.resolve("out");

    assertEquals(0, rerun("complete", () -> {}));
    assertEquals(0, rerun("before _SUCCESS", () -> Files.delete(out.resolve("_SUCCESS"))));
    Damage noManifest =
        () -> {
          Files.delete(out.resolve("_SUCCESS"));
          Files.delete(out.resolve("manifest.json"));
        };
    assertEquals(0, rerun("before the manifest", noManifest));
    Damage noMarker =
        () -> {
          noManifest.apply();
          Files.delete(work("files/1.json"));
        };
    assertEquals(0, rerun("between a file and its marker", noMarker));
    Damage noFile =
        () -> {
          noMarker.apply();
          Files.delete(out.resolve("b.jsonl"));
          Files.writeString(out.resolve(".b.jsonl.tmp"), "half a line");
        };
    assertEquals(0, rerun("within a file", noFile));
    Damage noFiles =
        () -> {
          noFile.apply();
          Files.delete(work("files/0.json"));
        };
    Damage oneJournalLess =
        () -> {
          noFiles.apply();
          Files.delete(journals().get(2));
        };
    long computed = rerun("within a chunk", oneJournalLess);
    assertTrue(computed > 0 && computed <= 16, computed + " computed");
    Damage tornJournal =
        () -> {
          noFiles.apply();
          try (FileChannel journal =
              FileChannel.open(journals().get(1), StandardOpenOption.WRITE)) {
            journal.truncate(journal.size() - 3);
          }
        };
    computed = rerun("a journal cut short", tornJournal);
    assertTrue(computed > 0 && computed <= 16, computed + " computed");
    Damage noStage =
        () -> {
          noFiles.apply();
          Files.delete(out.resolve("a.jsonl"));
          Files.move(work("stage"), work(".stage.tmp"));
        };
    assertEquals(ROWS, rerun("within the stage", noStage), "all is computed again");
  }

  @Test
  void answersOfAChunkInProgressAreKept() throws IOException {
    CancelToken cancel = new CancelToken();
    JobListener stopper =
        new JobListener() {
          @Override
          public void progressed(dev.millrace.pipeline.job.JobProgress progress) {
            if (progress.stage() == JobStage.GENERATE && progress.rowsDone() > 5) {
              cancel.cancel();
            }
          }
        };
    ScriptedEngineFactory slow =
        ScriptedEngineFactory.named("in-progress").withRequestNanos(20_000_000);
    JobException stopped =
        assertThrows(
            JobException.class,
            () ->
                BatchJob.of(settings.withChunkRows(4096), slow)
                    .withListener(stopper)
                    .withCancelToken(cancel)
                    .run());
    assertEquals(ExitCode.CANCELLED, stopped.exitCode());
    Path log = journals().get(0);
    assertTrue(log.toString().endsWith(".log"), log.toString());
    Files.write(log, new byte[] {0, 0, 0, 99, 1, 2}, StandardOpenOption.APPEND); // a torn record

    ScriptedEngineFactory fast = ScriptedEngineFactory.named("in-progress");
    long before = fast.counts().requests.get();
    JobReport report = BatchJob.of(settings.withChunkRows(4096), fast).run();

    assertTrue(report.resumedRequests() > 5, report.resumedRequests() + " resumed");
    assertEquals(ROWS - report.resumedRequests(), fast.counts().requests.get() - before);
    assertEquals(80, report.completed());
    Jobs.run(to("other").withChunkRows(4096), "in-progress");
    assertEquals(
        output("other").get("a.jsonl"), output("out").get("a.jsonl"), "same bytes as in one go");
  }

  @Test
  void theSameJobGivesTheSameBytesWhateverTheThreadsAndChunks() throws IOException {
    Jobs.run(settings, "bytes");
    Jobs.run(to("other").withWorkers(7).withChunkRows(5), "bytes");

    Map<String, String> one = output("out");
    Map<String, String> two = output("other");
    one.remove("manifest.json"); // names the chunk size
    two.remove("manifest.json");
    assertEquals(one, two);
  }

  @Test
  void aChangedSettingIsRefusedWithItsName() throws IOException {
    Jobs.run(settings, "changed");

    SamplingSettings longer = SamplingSettings.builder().maxTokens(99).build();
    assertDifference(settings.withSampling(longer), "changed", "sampling.max_tokens", "256", "99");
    assertDifference(settings, "other-model", "model", "changed", "other-model");
    assertDifference(settings.withSystemPrompt("S"), "changed", "system_prompt", null, "S");
    OutputSettings renamed = settings.output().withColumn("answer");
    assertDifference(settings.withOutput(renamed), "changed", "output.column", "output", "answer");
    Path input = folder.resolve("in/b.jsonl");
    Files.setLastModifiedTime(input, FileTime.fromMillis(1_000_000));
    ResumeRefusedException refused =
        assertThrows(ResumeRefusedException.class, () -> Jobs.run(settings, "changed"));
    assertEquals("input b.jsonl", refused.differences().get(0).name());
    assertTrue(refused.getMessage().contains("input b.jsonl: file 2"), refused.getMessage());
  }

  @Test
  void aRefusalShowsLongValuesWhereTheyDiffer() throws IOException {
    String same = "model=" + "0".repeat(200) + " ranks=1 variables=";
    Jobs.run(settings, same + "{thinking=true}" + "a".repeat(200));

    ResumeRefusedException refused =
        assertThrows(
            ResumeRefusedException.class,
            () -> Jobs.run(settings, same + "{thinking=false}" + "a".repeat(200)));

    String message = refused.getMessage();
    assertTrue(message.contains("000 ranks=1 variables={thinking=true}aaa"), message);
    assertTrue(message.contains("000 ranks=1 variables={thinking=false}aaa"), message);
    assertTrue(message.length() < 700, "still cut: " + message);
  }

  private void assertDifference(
      JobSettings changed, String engine, String name, String before, String now) {
    ResumeRefusedException refused =
        assertThrows(ResumeRefusedException.class, () -> Jobs.run(changed, engine));
    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode());
    assertEquals(
        List.of(new ResumeRefusedException.Difference(name, before, now)), refused.differences());
    assertTrue(refused.getMessage().contains(name), refused.getMessage());
  }

  @Test
  void withoutResumeTheEarlierWorkIsThrownAwayAndNothingElse() throws IOException {
    Jobs.run(settings, "discard");
    Files.writeString(folder.resolve("out/note.txt"), "mine");

    SamplingSettings shorter = SamplingSettings.builder().maxTokens(4).build();
    Jobs.run(settings.withSampling(shorter).withResume(false), "discard");

    assertEquals("echo", Jobs.rows(folder.resolve("out/a.jsonl")).get(0).get("output").asText());
    assertEquals("mine", Files.readString(folder.resolve("out/note.txt")));
  }

  @Test
  void workIsRemovedAfterSuccessAndTheNextRunComputesNothing() throws IOException {
    JobSettings clean =
        settings.withOutput(
            settings.output().withKeepWorkFiles(false).withFormat(OutputFormat.SAME));
    Jobs.run(clean, "clean");
    try (Stream<Path> left = Files.list(work(""))) {
      assertEquals(List.of(work("lock")), left.toList());
    }
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("clean");
    long before = factory.counts().requests.get();

    JobReport report = BatchJob.of(clean, factory).run();

    assertEquals(before, factory.counts().requests.get());
    assertEquals(ROWS, report.resumedRequests());
    assertEquals(80, report.completed());
    Files.delete(folder.resolve("out/a.jsonl"));
    assertEquals(80, BatchJob.of(clean, factory).run().completed(), "a lost file is made again");
    assertTrue(Files.exists(folder.resolve("out/a.jsonl")));
  }

  @Test
  void aDryRunPlansAndTheRunStartsFromIt() throws IOException {
    StagePlan plan = BatchJob.of(settings, ScriptedEngineFactory.named("dry")).stage();

    assertEquals(ROWS, plan.rows());
    assertEquals(ROWS, plan.requests());
    assertEquals(6, plan.chunks());
    assertFalse(plan.resumed());
    assertEquals(256L * ROWS, plan.outputTokensMax());
    assertEquals("<user>row 13 DEADLINE".length() + 256, plan.longestRequestTokens());
    assertFalse(Files.exists(folder.resolve("out/a.jsonl")));
    byte[] staged = Files.readAllBytes(work("stage/stage.json"));

    JobReport report = Jobs.run(settings, "dry");

    assertTrue(report.plan().promptTokens() == plan.promptTokens());
    assertArrayEquals(staged, Files.readAllBytes(work("stage/stage.json")), "staged once");
  }

  @Test
  void severalAnswersAreMoreTokensButNoLongerRequest() {
    SamplingSettings four = SamplingSettings.builder().temperature(1).n(4).build();

    StagePlan plan =
        BatchJob.of(settings.withSampling(four), ScriptedEngineFactory.named("several")).stage();

    assertEquals(4L * 256 * ROWS, plan.outputTokensMax());
    assertEquals("<user>row 13 DEADLINE".length() + 256, plan.longestRequestTokens());
  }

  @Test
  void whatHadNothingToDoWasNotDoneByAnEarlierRun() throws IOException {
    Path none = Files.createFile(folder.resolve("none.jsonl"));
    JobSettings empty = Jobs.settings(none, folder.resolve("empty"));
    List<JobStage> resumed = new ArrayList<>();
    JobListener listener =
        new JobListener() {
          @Override
          public void stageFinished(JobStage stage, double seconds, boolean earlier) {
            if (earlier) {
              resumed.add(stage);
            }
          }
        };

    BatchJob.of(empty, ScriptedEngineFactory.named("none")).withListener(listener).run();

    assertEquals(List.of(), resumed);
  }

  @Test
  void aSecondJobOnTheFolderIsRefused() throws Exception {
    ScriptedEngineFactory slow = ScriptedEngineFactory.named("second").withRequestNanos(20_000_000);
    CancelToken cancel = new CancelToken();
    Thread first =
        new Thread(
            () -> {
              try {
                BatchJob.of(settings, slow).withCancelToken(cancel).run();
              } catch (JobException e) {
                assertEquals(ExitCode.CANCELLED, e.exitCode());
              }
            });
    first.start();
    while (!Files.exists(work("journals"))) {
      Thread.sleep(5);
    }

    ResumeRefusedException refused =
        assertThrows(ResumeRefusedException.class, () -> Jobs.run(settings, "second"));
    ResumeRefusedException again =
        assertThrows(ResumeRefusedException.class, () -> Jobs.run(settings, "second"));
    cancel.cancel();
    first.join();

    String pid = Long.toString(ProcessHandle.current().pid());
    assertTrue(refused.getMessage().contains(pid), refused.getMessage());
    assertEquals(refused.getMessage(), again.getMessage());
    assertEquals(80, Jobs.run(settings, "second").completed(), "free once the first has ended");
  }
}
