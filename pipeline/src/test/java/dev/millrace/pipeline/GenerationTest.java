package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.generate.ChunkResult;
import dev.millrace.pipeline.generate.Chunks;
import dev.millrace.pipeline.generate.EngineHost;
import dev.millrace.pipeline.generate.EngineLease;
import dev.millrace.pipeline.generate.RequestBatch;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.group.StageManifest;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.util.UserCodeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a job is told of failures while it generates. */
final class GenerationTest {
  private static final ScriptedEngineFactory FACTORY = ScriptedEngineFactory.named("storage");

  @TempDir private Path folder;

  private RequestBatch.Opener<Chunk, ChunkResult> opener(WorkFolder work) {
    return Chunks.opener(work, SamplingSettings.greedy(), "a-run-of-another-process");
  }

  @Test
  void aChunkThatCannotBeReadOnIsToldAsTroubleOfTheStorage() throws IOException {
    Path input = Jobs.lines(folder.resolve("in.jsonl"), "{'prompt':'one'}", "{'prompt':'two'}");
    WorkFolder work = new WorkFolder(folder.resolve("out"));
    BatchJob.of(Jobs.settings(input, work.output()), FACTORY).stage();
    Chunk chunk = StageManifest.read(work.stage()).chunks().get(0);

    try (RequestBatch<ChunkResult> batch = opener(work).open(chunk)) {
      Files.write(work.stage().resolve(chunk.fileName()), new byte[0]);

      RetryableException failure = assertThrows(RetryableException.class, batch::next);

      assertTrue(
          failure.getMessage().contains("failed below " + work.stage()), failure.getMessage());
    }
  }

  @Test
  void aRecordThatCannotBeWrittenIsToldAsTroubleOfTheStorage() throws IOException {
    WorkFolder work = new WorkFolder(folder.resolve("out"));
    Files.createDirectories(work.work());
    Files.createFile(work.work().resolve("workers")); // a file where a folder is needed

    try (EngineLease engine = EngineHost.acquire(FACTORY, Duration.ZERO)) {
      assertThrows(JobException.class, () -> opener(work).used(engine));
    }
  }

  @Test
  void storageThatFailsUnderAFunctionIsNoMistakeOfTheProgram() {
    IOException stale = new IOException("Stale file handle");

    JobException direct = Generation.translate(new Pipeline.PipelineExecutionException(stale));
    JobException local =
        Generation.translate(new IllegalStateException(UserCodeException.wrap(stale)));

    assertEquals(ExitCode.RETRYABLE, direct.exitCode());
    assertEquals(ExitCode.RETRYABLE, local.exitCode());
    assertTrue(direct.getMessage().contains("Stale file handle"), direct.getMessage());
  }

  @Test
  void aMistakeOfTheProgramStaysOne() {
    JobException failure =
        Generation.translate(
            new Pipeline.PipelineExecutionException(new IllegalStateException("closed")));

    assertEquals(ExitCode.INTERNAL, failure.exitCode());
  }
}
