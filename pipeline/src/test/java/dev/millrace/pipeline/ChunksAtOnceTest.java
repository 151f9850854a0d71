package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The direct runner has chunks for all of its threads until none is left. */
final class ChunksAtOnceTest {
  private static final int CHUNKS = 23;
  private static final int AT_ONCE = 3;

  @TempDir private Path folder;

  /** Opens engines that answer only once so many chunks of one request are in them. */
  private record Factory(ScriptedEngineFactory scripted) implements WrappedEngineFactory {
    @Override
    public Engine openEngine() {
      return new GatheringEngine(scripted.openEngine());
    }
  }

  private static final class GatheringEngine implements Engine {
    private final Engine scripted;
    private final Queue<Work> gathered = new ArrayDeque<>();
    private int left = CHUNKS;

    private record Work(GenerationRequest request, Consumer<Completion> completion) {}

    GatheringEngine(Engine scripted) {
      this.scripted = scripted;
    }

    @Override
    public synchronized Submission submit(
        GenerationRequest request, Consumer<Completion> completion) throws InterruptedException {
      gathered.add(new Work(request, completion));
      while (left > 0 && gathered.size() >= Math.min(AT_ONCE, left)) {
        Work work = gathered.remove();
        left--;
        scripted.submit(work.request(), work.completion());
      }
      return () -> {};
    }

    @Override
    public EngineInfo info() {
      return scripted.info();
    }

    @Override
    public EngineStatistics statistics() {
      return scripted.statistics();
    }

    @Override
    public void close() {
      scripted.close();
    }
  }

  /** Repeated, for what the runner does with its threads differs from run to run. */
  @RepeatedTest(8)
  @Timeout(120)
  void allThreadsHaveChunksToTheEnd() throws Exception {
    Path input = folder.resolve("prompts.jsonl");
    Files.write(
        input,
        IntStream.range(0, CHUNKS).mapToObj(i -> "{\"prompt\": \"question " + i + "\"}").toList());

    long completed =
        BatchJob.of(
                Jobs.settings(input, folder.resolve("out")).withChunkRows(1),
                new Factory(ScriptedEngineFactory.named("chunks-at-once")))
            .run()
            .completed();

    assertEquals(CHUNKS, completed);
  }
}
