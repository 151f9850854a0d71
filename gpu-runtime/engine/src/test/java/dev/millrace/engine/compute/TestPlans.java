package dev.millrace.engine.compute;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.List;

/** Builds step plans for tests, sequence by sequence. */
final class TestPlans {
  private final List<Integer> tokenIds = new ArrayList<>();
  private final List<Integer> positions = new ArrayList<>();
  private final List<Integer> queryStarts = new ArrayList<>(List.of(0));
  private final List<Integer> contextTokens = new ArrayList<>();
  private final List<int[]> blockTables = new ArrayList<>();
  private final List<LogitTask> logitTasks = new ArrayList<>();

  /** Adds a sequence that computes tokens from a position on. */
  TestPlans sequence(int firstPosition, int[] tokens, int[] blockTable) {
    for (int i = 0; i < tokens.length; i++) {
      tokenIds.add(tokens[i]);
      positions.add(firstPosition + i);
    }
    queryStarts.add(tokenIds.size());
    contextTokens.add(firstPosition + tokens.length);
    blockTables.add(blockTable);
    return this;
  }

  /** Asks for the logits of a row. */
  TestPlans score(int tokenRow) {
    logitTasks.add(new LogitTask.Score(tokenRow, 0, 0));
    return this;
  }

  StepPlan build() {
    return new StepPlan(
        ints(tokenIds),
        ints(positions),
        ints(queryStarts),
        ints(contextTokens),
        blockTables.toArray(new int[0][]),
        logitTasks);
  }

  /** One sequence of these tokens from position 0, for verbs that need no cache. */
  static StepPlan tokens(int... tokens) {
    int[] blockTable = new int[tokens.length / StepPlan.BLOCK_TOKENS + 1];
    return new TestPlans().sequence(0, tokens, blockTable).build();
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }
}
