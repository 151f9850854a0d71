package dev.millrace.engine;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * Writes one phrase over and over: after the token at position p comes letter p + 1 of it. Can be
 * held, so that a test knows what is in flight.
 */
final class PhraseExecutor implements StepExecutor {
  private final int[] phrase;
  private final Semaphore permits = new Semaphore(Integer.MAX_VALUE);
  private StepResult result;
  volatile int steps;
  volatile boolean closed;
  volatile boolean notNumbers;
  volatile RuntimeException closeFailure;

  PhraseExecutor(int... phrase) {
    this.phrase = phrase.clone();
  }

  static PhraseExecutor saying(String phrase) {
    return new PhraseExecutor(ScriptedText.tokens(phrase));
  }

  void hold() {
    permits.drainPermits();
  }

  void letGo(int count) {
    permits.release(count);
  }

  @Override
  public int kvBlocks() {
    return 64;
  }

  @Override
  public void submit(StepPlan plan) {
    result = run(plan);
  }

  @Override
  public StepResult await() {
    return result;
  }

  private StepResult run(StepPlan plan) {
    permits.acquireUninterruptibly();
    steps = steps + 1;
    List<LogitTask> tasks = plan.logitTasks();
    int count = tasks.size();
    StepResult answer =
        new StepResult(new int[count], new float[count], new int[count][], new float[count][]);
    for (int i = 0; i < count; i++) {
      LogitTask task = tasks.get(i);
      int next = phrase[(plan.positions()[task.tokenRow()] + 1) % phrase.length];
      answer.tokenIds()[i] = task instanceof LogitTask.Score score ? score.targetTokenId() : next;
      answer.logprobs()[i] = notNumbers ? Float.NaN : -0.5f;
      answer.topTokenIds()[i] = new int[task.topLogprobs()];
      answer.topLogprobs()[i] = new float[task.topLogprobs()];
    }
    return answer;
  }

  @Override
  public void close() {
    closed = true;
    if (closeFailure != null) {
      throw closeFailure;
    }
  }
}
