package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.SchedulerLimits;
import dev.millrace.engine.schedule.ScriptedExecutor;
import dev.millrace.engine.step.StepExecutor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An engine over a fake executor, with defaults for everything. */
final class EngineFixture implements AutoCloseable {
  int sequencesMax = 8;
  int stepTokensMax = 256;
  int contextTokensMax = 512;
  int queueSequences = 64;
  long stepDeadlineMillis = 60_000;
  boolean prefixCache = true;
  private final StepExecutor executor;
  private LocalEngine engine;
  final Map<String, Completion> completions = new ConcurrentHashMap<>();
  final BlockingQueue<Completion> arrived = new LinkedBlockingQueue<>();

  final List<StepTimes> steps = new CopyOnWriteArrayList<>();

  EngineFixture(StepExecutor executor) {
    this.executor = executor;
  }

  synchronized LocalEngine engine() {
    if (engine == null) {
      engine =
          new LocalEngine(
              new EngineInfo("none", "script", 1, contextTokensMax, sequencesMax, 0, List.of()),
              new EngineModel(
                  new ScriptedText(contextTokensMax),
                  ScriptedText.VOCABULARY,
                  List.of(ScriptedExecutor.END),
                  contextTokensMax),
              executor,
              new SchedulerLimits(
                  sequencesMax,
                  stepTokensMax,
                  stepTokensMax,
                  executor.kvBlocks(),
                  contextTokensMax,
                  prefixCache),
              queueSequences,
              stepDeadlineMillis,
              steps::add);
    }
    return engine;
  }

  /** Keeps a completion, and checks that it is the first of its id. */
  void accept(Completion completion) {
    Completion before = completions.putIfAbsent(completion.id(), completion);
    arrived.add(completion);
    assertNull(before, () -> "completed twice: " + completion.id());
  }

  LocalEngine.Submission submit(String id, Prompt prompt, SamplingSettings settings)
      throws InterruptedException {
    return engine().submit(new GenerationRequest(id, prompt, settings), this::accept);
  }

  Completion next() throws InterruptedException {
    Completion completion = arrived.poll(20, TimeUnit.SECONDS);
    assertNotNull(completion, "no completion within 20 s");
    return completion;
  }

  Completion run(GenerationRequest request) throws InterruptedException {
    engine().submit(request, this::accept);
    return next();
  }

  Completion run(Prompt prompt, SamplingSettings settings) throws InterruptedException {
    return run(new GenerationRequest("r" + completions.size(), prompt, settings));
  }

  Choice choice(String prompt, SamplingSettings settings) throws InterruptedException {
    Completion completion = run(new Prompt.Text(prompt), settings);
    assertFalse(completion.isFailed(), () -> String.valueOf(completion.failure()));
    return completion.choices().get(0);
  }

  @Override
  public void close() {
    if (engine != null) {
      engine.close();
    }
  }
}
