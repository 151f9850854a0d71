package dev.millrace.engine.model;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Drives an executor with the plainest loop: as many sequences at once as asked, prompts in chunks,
 * then a token a step, blocks from a free list. For tests of models without a scheduler.
 */
public final class StepDriver {
  private static final int TOP_LOGPROBS = 5;

  private final StepExecutor executor;
  private final int stepTokensMax;
  private final Deque<Integer> freeBlocks = new ArrayDeque<>();

  /**
   * @param stepTokensMax most tokens of a step
   */
  public StepDriver(StepExecutor executor, int stepTokensMax) {
    this.executor = executor;
    this.stepTokensMax = stepTokensMax;
    for (int block = 0; block < executor.kvBlocks(); block++) {
      freeBlocks.add(block);
    }
  }

  /**
   * A sequence that was generated.
   *
   * @param tokenIds after the prompt, the end token included
   * @param logprobs of these
   * @param firstTopTokenIds the likeliest first tokens
   * @param firstTopLogprobs their log-probabilities
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Generated(
      int[] tokenIds, float[] logprobs, int[] firstTopTokenIds, float[] firstTopLogprobs) {
    /** Sum of the log-probabilities. */
    public double cumulativeLogprob() {
      double sum = 0;
      for (float logprob : logprobs) {
        sum += logprob;
      }
      return sum;
    }
  }

  /** What to generate. */
  @SuppressWarnings("ArrayRecordComponent")
  public record Task(int[] prompt, int maxTokens, Set<Integer> endTokenIds) {}

  /**
   * Generates greedily.
   *
   * @param batch sequences at once
   * @param chunk prompt tokens of a sequence in one step
   * @return in the order of the tasks
   */
  public List<Generated> generate(List<Task> tasks, int batch, int chunk) {
    Generated[] done = new Generated[tasks.size()];
    List<Running> running = new ArrayList<>();
    int next = 0;
    while (next < tasks.size() || !running.isEmpty()) {
      while (running.size() < batch && next < tasks.size()) {
        running.add(new Running(next, tasks.get(next)));
        next++;
      }
      step(running, chunk);
      for (Running sequence : List.copyOf(running)) {
        if (sequence.isDone()) {
          done[sequence.index] = sequence.generated();
          freeBlocks.addAll(sequence.blocks);
          running.remove(sequence);
        }
      }
    }
    return List.of(done);
  }

  private void step(List<Running> running, int chunk) {
    PlanArrays plan = new PlanArrays();
    List<Running> drawing = new ArrayList<>();
    int left = stepTokensMax;
    for (Running sequence : running) {
      int count = Math.min(Math.min(chunk, left), sequence.length - sequence.computed);
      if (count == 0) {
        continue;
      }
      left -= count;
      plan.add(sequence, count);
      if (sequence.computed == sequence.length) {
        plan.tasks.add(
            new LogitTask.Draw(
                plan.tokenIds.size() - 1,
                sequence.drawn == 0 ? TOP_LOGPROBS : 0,
                sequence.draw,
                sequence.drawn,
                false));
        drawing.add(sequence);
      }
    }
    StepResult result = executor.execute(plan.build());
    for (int i = 0; i < drawing.size(); i++) {
      drawing.get(i).append(result, i);
    }
  }

  /**
   * Log-probabilities of each token of a sequence but the first, given those before it.
   *
   * @param chunk tokens in one step
   */
  public float[] score(int[] tokens, int chunk) {
    Running sequence = new Running(0, new Task(tokens, 1, Set.of()));
    float[] logprobs = new float[tokens.length - 1];
    while (sequence.computed < tokens.length) {
      int first = sequence.computed;
      int count = Math.min(Math.min(chunk, stepTokensMax), tokens.length - first);
      PlanArrays plan = new PlanArrays();
      plan.add(sequence, count);
      for (int i = 0; i < count && first + i + 1 < tokens.length; i++) {
        plan.tasks.add(new LogitTask.Score(i, 0, tokens[first + i + 1]));
      }
      StepResult result = executor.execute(plan.build());
      System.arraycopy(result.logprobs(), 0, logprobs, first, result.logprobs().length);
    }
    freeBlocks.addAll(sequence.blocks);
    return logprobs;
  }

  /** Greedy settings; nothing here is looked at but the temperature. */
  private static DrawState greedy(int[] prompt) {
    return new DrawState(0, 0, 1, 0, 1, 0, 0, Map.of(), new int[0][], new int[0], 0, prompt);
  }

  private static final class Running {
    private final int index;
    private final Task task;
    private final DrawState draw;
    private final int[] tokens;
    private final float[] logprobs;
    private final List<Integer> blocks = new ArrayList<>();
    private int length;
    private int computed;
    private int drawn;
    private int[] firstTop = {};
    private float[] firstTopLogprobs = {};

    Running(int index, Task task) {
      this.index = index;
      this.task = task;
      draw = greedy(task.prompt());
      tokens = Arrays.copyOf(task.prompt(), task.prompt().length + task.maxTokens());
      logprobs = new float[task.maxTokens()];
      length = task.prompt().length;
    }

    void append(StepResult result, int i) {
      if (drawn == 0) {
        firstTop = result.topTokenIds()[i];
        firstTopLogprobs = result.topLogprobs()[i];
      }
      logprobs[drawn++] = result.logprobs()[i];
      tokens[length++] = result.tokenIds()[i];
    }

    boolean isDone() {
      return drawn == task.maxTokens()
          || (drawn > 0 && task.endTokenIds().contains(tokens[length - 1]));
    }

    Generated generated() {
      return new Generated(
          Arrays.copyOfRange(tokens, task.prompt().length, length),
          Arrays.copyOf(logprobs, drawn),
          firstTop,
          firstTopLogprobs);
    }
  }

  private final class PlanArrays {
    private final List<Integer> tokenIds = new ArrayList<>();
    private final List<Integer> positions = new ArrayList<>();
    private final List<Integer> queryStarts = new ArrayList<>(List.of(0));
    private final List<Integer> contextTokens = new ArrayList<>();
    private final List<int[]> blockTables = new ArrayList<>();
    private final List<LogitTask> tasks = new ArrayList<>();

    /** Adds the next tokens of a sequence and takes the blocks they need. */
    void add(Running sequence, int count) {
      for (int i = 0; i < count; i++) {
        tokenIds.add(sequence.tokens[sequence.computed]);
        positions.add(sequence.computed++);
      }
      while (sequence.blocks.size() * StepPlan.BLOCK_TOKENS < sequence.computed) {
        sequence.blocks.add(freeBlocks.remove());
      }
      queryStarts.add(tokenIds.size());
      contextTokens.add(sequence.computed);
      blockTables.add(ints(sequence.blocks));
    }

    StepPlan build() {
      return new StepPlan(
          ints(tokenIds),
          ints(positions),
          ints(queryStarts),
          ints(contextTokens),
          blockTables.toArray(new int[0][]),
          tasks);
    }
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }
}
