package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A model without weights: each token's hidden state is a hash of the state before it, which is
 * read from a KV cache through the block table, and of the token. The next token is a function of
 * that state, so that any slip of the scheduler (a wrong block, position, context or token) changes
 * what comes out.
 */
public final class ScriptedExecutor implements StepExecutor {
  /** Drawn now and then; the script's end token. */
  public static final int END = 0;

  private static final int BLOCK = StepPlan.BLOCK_TOKENS;

  private final int vocabularySize;
  private final long[] states; // the KV cache; // (blocks, BLOCK)
  private final Deque<StepResult> underWay = new ArrayDeque<>();
  private int[] drawn = {};
  private int steps;
  private boolean ahead;
  private boolean closed;
  private volatile RuntimeException failure;

  public ScriptedExecutor(int kvBlocks, int vocabularySize) {
    this.vocabularySize = vocabularySize;
    this.states = new long[kvBlocks * BLOCK];
    Arrays.fill(states, 0x5555_5555_5555_5555L);
  }

  @Override
  public int kvBlocks() {
    return states.length / BLOCK;
  }

  /** Takes a step while another is under way. */
  public ScriptedExecutor acceptingNext() {
    ahead = true;
    return this;
  }

  /** Makes the next step throw this. */
  public void failNext(RuntimeException error) {
    failure = error;
  }

  public boolean isClosed() {
    return closed;
  }

  @Override
  public void submit(StepPlan plan) {
    require(underWay.size() < 2, "too many steps under way");
    StepResult result = run(plan);
    underWay.addLast(result);
    drawn = result.tokenIds();
  }

  @Override
  public boolean acceptsNext() {
    return ahead;
  }

  @Override
  public StepResult await() {
    return underWay.removeFirst();
  }

  private int token(StepPlan plan, int row) {
    int tokenId = plan.tokenIds()[row];
    require(tokenId >= 0 || underWay.size() == 1, "a token of a step that is not under way");
    return tokenId >= 0 ? tokenId : drawn[-1 - tokenId];
  }

  private StepResult run(StepPlan plan) {
    if (closed) {
      throw new IllegalStateException("the executor is closed");
    }
    if (failure != null) {
      throw failure;
    }
    steps++;
    long[] rows = new long[plan.tokens()];
    Set<Integer> written = new HashSet<>();
    for (int s = 0; s < plan.sequences(); s++) {
      int[] table = plan.blockTables()[s];
      int from = plan.queryStarts()[s];
      int to = plan.queryStarts()[s + 1];
      require(from < to, "sequence without a token");
      require(plan.contextTokens()[s] == plan.positions()[to - 1] + 1, "context");
      for (int row = from; row < to; row++) {
        int position = plan.positions()[row];
        require(row == from || position == plan.positions()[row - 1] + 1, "positions");
        int slot = table[position / BLOCK] * BLOCK + position % BLOCK;
        require(written.add(slot), "a slot written twice in one step");
        long before = position == 0 ? 0 : state(table, position - 1);
        rows[row] = next(before, token(plan, row), position);
        states[slot] = rows[row];
      }
    }
    return answer(plan.logitTasks(), rows);
  }

  private long state(int[] table, int position) {
    return states[table[position / BLOCK] * BLOCK + position % BLOCK];
  }

  private StepResult answer(List<LogitTask> tasks, long[] rows) {
    int count = tasks.size();
    StepResult result =
        new StepResult(new int[count], new float[count], new int[count][], new float[count][]);
    int last = -1;
    for (int i = 0; i < count; i++) {
      LogitTask task = tasks.get(i);
      require(task.tokenRow() >= last, "tasks out of order");
      last = task.tokenRow();
      long state = rows[task.tokenRow()];
      int tokenId;
      if (task instanceof LogitTask.Score score) {
        tokenId = score.targetTokenId();
      } else {
        LogitTask.Draw draw = (LogitTask.Draw) task;
        require(
            draw.drawIndex() == draw.draw().outputTokens() + underWay.size()
                || draw.drawIndex() == draw.draw().outputTokens(),
            "draw index");
        tokenId = token(state, draw.draw().seed, draw.banEndTokens());
      }
      result.tokenIds()[i] = tokenId;
      result.logprobs()[i] = logprob(state, tokenId);
      result.topTokenIds()[i] = new int[task.topLogprobs()];
      result.topLogprobs()[i] = new float[task.topLogprobs()];
    }
    return result;
  }

  /** The state after a token. */
  public static long next(long before, int tokenId, int position) {
    long mixed = (before ^ (tokenId + 1L) * 0x9E3779B97F4A7C15L) + position;
    mixed = (mixed ^ (mixed >>> 32)) * 0xBF58476D1CE4E5B9L;
    return mixed ^ (mixed >>> 29);
  }

  /** The token drawn in a state: the end token once in 24. */
  public int token(long state, long seed, boolean banEnd) {
    long mixed = next(state, (int) seed, 0);
    boolean end = !banEnd && Long.remainderUnsigned(mixed, 24) == 0;
    return end ? END : 1 + (int) Long.remainderUnsigned(mixed >>> 8, vocabularySize - 1);
  }

  /** The log-probability of a token in a state; NaN never. */
  public static float logprob(long state, int tokenId) {
    return -(float) Long.remainderUnsigned(next(state, tokenId, 1), 4096) / 256;
  }

  public int steps() {
    return steps;
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("the plan is wrong: " + what);
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
