package dev.millrace.pipeline.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of a batch, and of the way to the engine, when there is no engine. */
@Timeout(60)
final class EngineUseTest {
  private final EngineException never = new EngineException("no engine ever");

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

    private static Runnable meanwhile = () -> {};

    private final RuntimeException refusal;
    private int left;

    Factory(int opens, RuntimeException refusal) {
      this.left = opens;
      this.refusal = refusal;
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
        meanwhile.run();
        return new IdleEngine();
      }
      throw refusal;
    }
  }

  private static final class IdleEngine implements Engine {
    private static final AtomicInteger OPEN = new AtomicInteger();

    IdleEngine() {
      OPEN.incrementAndGet();
    }

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
    public void close() {
      OPEN.decrementAndGet();
    }
  }

  @Test
  void aBatchThatIsCancelledBeforeTheEngineIsFreeIsClosed() throws Exception {
    try (EngineLease lease = EngineHost.acquire(new Factory(1, never), Duration.ZERO)) {
      lease.enterAlone();
      cancel.cancel();

      assertThrows(JobCancelledException.class, () -> new BatchFeeder(lease, cancel).feed(batch));

      assertTrue(batch.closed);
      lease.leaveAlone();
    }
  }

  @Test
  void aBatchWithoutAnEngineIsClosedAndKeepsNobodyOff() throws Exception {
    try (EngineLease lease = EngineHost.acquire(new Factory(1, never), Duration.ZERO)) {
      Engine failed = lease.engine();
      assertThrows(EngineException.class, () -> lease.replace(failed));

      assertThrows(EngineException.class, () -> new BatchFeeder(lease, cancel).feed(batch));

      assertTrue(batch.closed);
      lease.enterAlone(); // waits for ever if the batch is still in
      lease.leaveAlone();
    }
  }

  private ExitCode codeWithoutEngine(RuntimeException refusal) {
    InferenceFn<String, String> function =
        new InferenceFn<>(
            new Factory(0, refusal), element -> batch, 1, Duration.ZERO, "refused " + refusal);
    function.setup();
    return assertThrows(JobException.class, () -> function.process("", null, null, null))
        .exitCode();
  }

  @Test
  void aWorkerWithoutAnEngineForNowIsRetryableAndOneThatIsRefusedItIsNot() {
    assertEquals(
        ExitCode.RETRYABLE, codeWithoutEngine(new EngineUnavailableException("not for now")));
    assertEquals(ExitCode.INVALID_INPUT, codeWithoutEngine(never));
    assertEquals(ExitCode.DOES_NOT_FIT, codeWithoutEngine(new DoesNotFitException("too large")));
  }

  private InferenceFn<String, String> function(String run) {
    InferenceFn<String, String> function =
        new InferenceFn<>(new Factory(1, never), element -> batch, 1, Duration.ZERO, run);
    function.setup();
    return function;
  }

  @Test
  void anEngineOfAFunctionThatIsNeverTornDownEndsWithItsRun() throws Exception {
    int before = IdleEngine.OPEN.get();
    RunContext run = RunContext.open("kept", new Counters(), cancel, List.of());
    function("kept").process("", null, null, null);
    assertEquals(before + 1, IdleEngine.OPEN.get());

    run.close();

    assertEquals(before, IdleEngine.OPEN.get());
  }

  @Test
  void aFunctionThatStartsWhenItsRunHasEndedLeavesNoEngineOpen() {
    int before = IdleEngine.OPEN.get();
    RunContext run = RunContext.open("late", new Counters(), cancel, List.of());
    InferenceFn<String, String> function = function("late");
    run.close();

    assertThrows(JobCancelledException.class, () -> function.process("", null, null, null));

    assertEquals(before, IdleEngine.OPEN.get());
  }

  @Test
  void anEngineThatIsOpenOnlyWhenItsRunHasEndedIsClosedAtOnce() {
    int before = IdleEngine.OPEN.get();
    RunContext run = RunContext.open("between", new Counters(), cancel, List.of());
    InferenceFn<String, String> function = function("between");
    Factory.meanwhile = run::close;
    try {
      assertThrows(JobCancelledException.class, () -> function.process("", null, null, null));
    } finally {
      Factory.meanwhile = () -> {};
    }

    assertEquals(before, IdleEngine.OPEN.get());
  }
}
