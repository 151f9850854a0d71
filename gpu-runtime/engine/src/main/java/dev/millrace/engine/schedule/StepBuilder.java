package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gathers the sequences of one step, notes in them how far they will have come, and writes the
 * plan. Reused from step to step.
 */
final class StepBuilder {
  private final int stepTokensMax;
  private final int logitRowsMax;
  private final int[] tokenIds; // (stepTokensMax)
  private final int[] positions; // (stepTokensMax)
  private final List<Sequence> sequences = new ArrayList<>();
  private final List<LogitTask> tasks = new ArrayList<>();
  private final int[] queryStarts; // (sequencesMax + 1)
  private int tokens;

  StepBuilder(SchedulerLimits limits) {
    stepTokensMax = limits.stepTokensMax();
    logitRowsMax = limits.logitRowsMax();
    tokenIds = new int[stepTokensMax];
    positions = new int[stepTokensMax];
    queryStarts = new int[limits.sequencesMax() + 1];
  }

  void clear() {
    sequences.clear();
    tasks.clear();
    tokens = 0;
  }

  boolean isEmpty() {
    return tokens == 0;
  }

  int tokens() {
    return tokens;
  }

  int tokensLeft() {
    return stepTokensMax - tokens;
  }

  /** How many of the sequence's next tokens the step can take, by tokens and by logit rows. */
  int room(Sequence sequence) {
    int chunk = Math.min(sequence.missingTokens(), tokensLeft());
    int tooMany = logitRows(sequence, chunk) - (logitRowsMax - tasks.size());
    return tooMany > 0 ? chunk - tooMany : chunk; // rows with logits are the last ones of a chunk
  }

  private static int logitRows(Sequence sequence, int chunk) {
    int end = sequence.computedTokens + chunk; // scores need the row before the token
    int rows = 0;
    if (sequence.hasScoresLeft()) {
      int last = Math.min(end, sequence.lastScore());
      rows = Math.max(0, last - sequence.nextScore + 1);
    }
    return sequence.draw != null && chunk == sequence.missingTokens() ? rows + 1 : rows;
  }

  /** Adds the sequence's next {@code chunk} tokens, whose blocks it holds. */
  void add(Sequence sequence, int chunk) {
    int start = sequence.computedTokens;
    queryStarts[sequences.size()] = tokens;
    sequences.add(sequence);
    for (int i = 0; i < chunk; i++) {
      int position = start + i;
      boolean pending = sequence.isPending(position);
      tokenIds[tokens + i] = pending ? -1 - sequence.pendingTask : sequence.tokenId(position);
      positions[tokens + i] = position;
    }
    if (sequence.hasScoresLeft()) {
      int last = Math.min(start + chunk, sequence.lastScore());
      for (int target = sequence.nextScore; target <= last; target++) {
        int row = tokens + target - 1 - start;
        tasks.add(
            new LogitTask.Score(row, sequence.topLogprobsAt(target), sequence.tokenId(target)));
      }
      sequence.nextScore = Math.max(sequence.nextScore, last + 1);
    }
    if (sequence.draw != null && chunk == sequence.missingTokens()) {
      int drawIndex = sequence.outputTokens();
      sequence.pendingTask = tasks.size();
      sequence.pendingTokens++;
      tasks.add(
          new LogitTask.Draw(
              tokens + chunk - 1,
              sequence.outputTopLogprobs,
              sequence.draw,
              drawIndex,
              drawIndex < sequence.minTokens));
    }
    sequence.computedTokens += chunk;
    tokens += chunk;
  }

  PlannedStep build() {
    int count = sequences.size();
    queryStarts[count] = tokens;
    int[] contextTokens = new int[count];
    int[][] blockTables = new int[count][];
    for (int i = 0; i < count; i++) {
      Sequence sequence = sequences.get(i);
      contextTokens[i] = sequence.computedTokens;
      blockTables[i] = Arrays.copyOf(sequence.blockTable, sequence.blocks);
    }
    StepPlan plan =
        new StepPlan(
            Arrays.copyOf(tokenIds, tokens),
            Arrays.copyOf(positions, tokens),
            Arrays.copyOf(queryStarts, count + 1),
            contextTokens,
            blockTables,
            tasks);
    return new PlannedStep(plan, List.copyOf(sequences));
  }
}
