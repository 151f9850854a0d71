package dev.millrace.pipeline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a batch, and of the way to the engine, when there is no engine. */
@Timeout(60)
final class EngineUseTest {
  private final CancelToken cancel = new CancelToken();
  private final Batch batch = new Batch();

  /** Has no requests. */
  private static final class Batch implements RequestBatch<String> {
    private boolean closed;

    @Override
    public GenerationRequest next() {
      return null;
    }

    @Override
    public void accept(GenerationRequest request, Completion completion) {}

    @Override
    public String finish() {
      return "done";
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  /** Opens engines that do nothing, as often as it is told. */
  private static final class Factory implements EngineFactory {
    private static final long serialVersionUID = 1L;

    private final boolean forNow;
    private int left;

    Factory(int opens, boolean forNow) {
      this.left = opens;
      this.forNow = forNow;
    }

    @Override
    public String fingerprint() {
      return "EngineUseTest";
    }

    @Override
    public String modelFingerprint() {
      return "EngineUseTest";
    }

    @Override
    public PromptEncoder openPromptEncoder() {
      throw new EngineException("no tokenizer");
    }

    @Override
    public Engine openEngine() {
      if (left-- > 0) {
        return new IdleEngine();
      }
      throw forNow
          ? new EngineUnavailableException("no engine for now")
          : new EngineException("no engine ever");
    }
  }

  private static final class IdleEngine implements Engine {
    @Override
    public EngineInfo info() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Submission submit(GenerationRequest request, Consumer<Completion> completion) {
      throw new UnsupportedOperationException();
    }

    @Override
    public EngineStatistics statistics() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
  }

  @Test
  void aBatchThatIsCancelledBeforeTheEngineIsFreeIsClosed() throws Exception {
    try (EngineLease lease = EngineHost.acquire(new Factory(1, false), Duration.ZERO)) {
      lease.enterAlone();
      cancel.cancel();

      assertThrows(JobCancelledException.class, () -> new BatchFeeder(lease, cancel).feed(batch));

      assertTrue(batch.closed);
      lease.leaveAlone();
    }
  }

  @Test
  void aBatchWithoutAnEngineIsClosedAndKeepsNobodyOff() throws Exception {
    try (EngineLease lease = EngineHost.acquire(new Factory(1, false), Duration.ZERO)) {
      Engine failed = lease.engine();
      assertThrows(EngineException.class, () -> lease.replace(failed));

      assertThrows(EngineException.class, () -> new BatchFeeder(lease, cancel).feed(batch));

      assertTrue(batch.closed);
      lease.enterAlone(); // waits for ever if the batch is still in
      lease.leaveAlone();
    }
  }

  private ExitCode codeWithoutEngine(boolean forNow) {
    InferenceFn<String, String> function =
        new InferenceFn<>(
            new Factory(0, forNow), element -> batch, 1, Duration.ZERO, "EngineUseTest " + forNow);
    function.setup();
    return assertThrows(JobException.class, () -> function.process("", null, null, null))
        .exitCode();
  }

  @Test
  void aWorkerWithoutAnEngineForNowIsRetryableAndOneThatIsRefusedItIsNot() {
    assertEquals(ExitCode.RETRYABLE, codeWithoutEngine(true));
    assertEquals(ExitCode.INVALID_INPUT, codeWithoutEngine(false));
  }
}
