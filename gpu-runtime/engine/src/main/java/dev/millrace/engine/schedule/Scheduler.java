package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Decides step by step which sequences run: first every running sequence's next token, then prefill
 * chunks within the token budget, then new sequences in the order they came.
 *
 * <p>Guarantees: sequences are admitted in order, and the oldest one always reaches its end, so
 * none starves and nothing deadlocks. A sequence is admitted when the most blocks that it and the
 * running ones are expected to hold at any time are there. Where expectations fail, a sequence
 * without a block misses steps until others finish; when more than a quarter of the running ones
 * miss, the newest gives its blocks back and is computed again later from its token ids: no token
 * is lost or changed.
 *
 * <p>Equal prefixes are computed once: full blocks are found in the cache, and a sequence whose
 * next prefix block is being computed by another waits for it. At least the last token is always
 * computed, for its logits.
 *
 * <p>A step can be planned while the one before runs ({@link #planAhead}): every sequence then goes
 * on with the token it will have drawn. Where that token ends it, what the planned step computes
 * for it is dropped. Steps run in order, so that blocks given back at a commit may be taken by the
 * next plan while a step that still reads them is under way.
 *
 * <p>One thread. Use: {@link #add}, then in turn {@link #plan} or {@link #planAhead}, and {@link
 * #commit}.
 */
public final class Scheduler {
  private final SchedulerLimits limits;
  private final KvBlocks kvBlocks;
  private static final int OVERCOMMITTED_PART = 50;

  /** With fewer sequences steps are bound by the weights' bytes: more cost nothing. */
  private static final int STEPPED_SEQUENCES = 128;

  private static final double STEP_SHARE_MIN = 0.75;

  /** With fewer sequences for each row of a multiple, one that comes a step later costs more. */
  private static final int ROUNDED_SEQUENCES = 8;

  /** Its multiples, modulo 1, are spread evenly, however many there are. */
  private static final double GOLDEN_RATIO = 0.6180339887498949;

  private final OutputLengths outputLengths = new OutputLengths();
  private final BlockForecast forecast = new BlockForecast();
  private final PendingPrefixes pendingPrefixes = new PendingPrefixes();
  private final StepBuilder step;
  private final Deque<Sequence> waiting = new ArrayDeque<>();
  private final List<Sequence> running = new ArrayList<>(); // oldest first
  private final Deque<PlannedStep> planned = new ArrayDeque<>(); // not committed, oldest first

  /** Whether a sequence was abandoned since they were last dropped: the queue may be long. */
  private boolean someAbandoned;

  private final Runnable noteAbandoned = () -> someAbandoned = true;

  private long added;
  private long promptTokens;
  private long cachedTokens;
  private long computedTokens;
  private long outputTokens;
  private long steps;
  private long sequenceSteps;
  private long preemptions;
  private long stalls;
  private long prefixWaits;

  public Scheduler(SchedulerLimits limits) {
    this.limits = limits;
    this.kvBlocks = new KvBlocks(limits.kvBlocks());
    this.step = new StepBuilder(limits);
  }

  /**
   * Puts a sequence at the end of the queue.
   *
   * @throws IllegalArgumentException if it can grow longer than {@code sequenceTokensMax}
   */
  public void add(Sequence sequence) {
    int most = sequence.tokensAtMost();
    if (most > limits.sequenceTokensMax()) {
      throw new IllegalArgumentException(
          "sequence of up to %d tokens, at most %d fit"
              .formatted(most, limits.sequenceTokensMax()));
    }
    sequence.onAbandoned = noteAbandoned;
    someAbandoned |= sequence.abandoned;
    sequence.quantile = added++ * GOLDEN_RATIO % 1;
    waiting.addLast(sequence);
  }

  /** The next step, or null when no sequence is left. Every step before must be committed. */
  public StepPlan plan() {
    if (!planned.isEmpty()) {
      throw new IllegalStateException("the last plan has not been committed");
    }
    dropAbandoned();
    while (isShort()) {
      preemptNewest();
    }
    StepPlan plan = build();
    if (plan == null && !isIdle()) {
      throw new IllegalStateException(
          "no sequence can move: %d running, %d waiting, %d of %d KV blocks available"
              .formatted(running.size(), waiting.size(), kvBlocks.available(), kvBlocks.size()));
    }
    return plan;
  }

  /**
   * The step after the one that is under way, or null when it has to wait for that one's result.
   */
  public StepPlan planAhead() {
    if (planned.size() != 1) {
      throw new IllegalStateException(
          "expected one step under way, found %d".formatted(planned.size()));
    }
    dropAbandoned();
    return isShort() ? null : build();
  }

  private StepPlan build() {
    step.clear();
    int stalled = addDecodes() + addChunks();
    stalls += stalled;
    if (stalled == 0) {
      admit();
    }
    if (step.isEmpty()) {
      return null;
    }
    PlannedStep next = step.build();
    planned.addLast(next);
    return next.plan();
  }

  /** Takes in what the oldest plan gave; listeners hear of it in the plan's order. */
  public void commit(StepResult result) {
    PlannedStep done = planned.peekFirst();
    if (done == null || result.tokenIds().length != done.tasks().size()) {
      throw new IllegalStateException(
          "expected the result of the oldest plan with %d logit tasks, found %d"
              .formatted(done == null ? 0 : done.tasks().size(), result.tokenIds().length));
    }
    planned.removeFirst();
    steps++;
    sequenceSteps += done.sequences().size();
    computedTokens += done.plan().tokens();
    int task = 0;
    for (int i = 0; i < done.sequences().size(); i++) {
      Sequence sequence = done.sequences().get(i);
      int end = task;
      int lastRow = done.lastRow(i);
      while (end < done.tasks().size() && done.tasks().get(end).tokenRow() <= lastRow) {
        end++;
      }
      if (!sequence.over) {
        sequence.committedTokens += done.chunk(i);
        publish(sequence);
        if (!sequence.abandoned && take(sequence, done.tasks(), task, end, result)) {
          finish(sequence);
        }
      }
      task = end;
    }
  }

  /** Hands a sequence its results; says whether it is over. */
  private boolean take(
      Sequence sequence, List<LogitTask> tasks, int from, int to, StepResult result) {
    for (int task = from; task < to; task++) {
      float logprob = result.logprobs()[task];
      if (Float.isNaN(logprob)) {
        sequence.listener.undrawable();
        return true;
      }
      int tokenId = result.tokenIds()[task];
      int[] topTokenIds = result.topTokenIds()[task];
      float[] topLogprobs = result.topLogprobs()[task];
      if (tasks.get(task) instanceof LogitTask.Score) {
        sequence.listener.scored(sequence.reportScore(), logprob, topTokenIds, topLogprobs);
      } else {
        sequence.append(tokenId);
        outputTokens++;
        if (sequence.listener.drawn(tokenId, logprob, topTokenIds, topLogprobs)) {
          outputLengths.add(sequence.drawnTokens());
          return true;
        }
      }
    }
    if (sequence.draw == null && !sequence.awaitsScores()) {
      sequence.listener.scoringEnded();
      return true;
    }
    return false;
  }

  public boolean isIdle() {
    return waiting.isEmpty() && running.isEmpty();
  }

  public int runningSequences() {
    return running.size();
  }

  public SchedulerCounts counts() {
    return new SchedulerCounts(
        promptTokens,
        cachedTokens,
        computedTokens,
        outputTokens,
        steps,
        sequenceSteps,
        preemptions,
        stalls,
        prefixWaits);
  }

  private void dropAbandoned() {
    if (!someAbandoned) {
      return;
    }
    someAbandoned = false;
    for (int i = running.size() - 1; i >= 0; i--) {
      if (running.get(i).abandoned) {
        end(running.remove(i));
      }
    }
    waiting.removeIf(sequence -> sequence.abandoned);
  }

  private void finish(Sequence sequence) {
    running.remove(sequence);
    end(sequence);
  }

  private void end(Sequence sequence) {
    sequence.over = true;
    release(sequence);
  }

  private void release(Sequence sequence) {
    pendingPrefixes.withdraw(sequence);
    kvBlocks.giveBack(sequence.blockTable, sequence.blocks);
    sequence.restart();
  }

  /** Whether too many of the running sequences cannot move for want of blocks. */
  private boolean isShort() {
    if (running.size() <= 1) {
      return false;
    }
    int wanting = 0;
    for (Sequence sequence : running) {
      wanting += sequence.canMove() && sequence.needsBlock() ? 1 : 0;
    }
    int stuck = wanting - kvBlocks.available();
    return stuck >= running.size() || stuck > Math.max(1, running.size() / 4);
  }

  /** Takes its blocks back from the newest sequence. */
  private void preemptNewest() {
    Sequence newest = running.remove(running.size() - 1);
    release(newest);
    waiting.addFirst(newest);
    preemptions++;
  }

  private int addDecodes() {
    int stalled = 0;
    for (Sequence sequence : running) {
      if (sequence.canMove() && sequence.isDecoding() && !addTokens(sequence)) {
        stalled++;
      }
    }
    return stalled;
  }

  private int addChunks() {
    int stalled = 0;
    for (Sequence sequence : running) {
      if (sequence.canMove()
          && !sequence.isDecoding()
          && step.tokensLeft() > 0
          && !addTokens(sequence)) {
        stalled++;
      }
    }
    return stalled;
  }

  /** Adds as many of a sequence's next tokens as fit; false if blocks allow none. */
  private boolean addTokens(Sequence sequence) {
    return addTokens(sequence, step.room(sequence));
  }

  private boolean addTokens(Sequence sequence, int chunk) {
    while (chunk > sequence.freeSlots() && takeBlock(sequence)) {}
    int placed = Math.min(chunk, sequence.freeSlots());
    if (placed > 0) {
      step.add(sequence, placed);
    }
    return placed > 0 || chunk <= 0;
  }

  /**
   * Tokens of the sequence admitted last that had better come with the next step: for them alone
   * this one would be rounded up. It is the last where all sequences run that may, and where others
   * wait for one to end there are new tokens in most steps anyway.
   */
  private int beyondRows(int chunk) {
    int rowsStep = limits.rowsStep();
    if (running.size() < limits.sequencesMax()
        || running.size() < ROUNDED_SEQUENCES * rowsStep
        || waiting.isEmpty()) {
      return 0;
    }
    int beyond = (step.tokens() + chunk) % rowsStep;
    return beyond < chunk ? beyond : 0;
  }

  private boolean takeBlock(Sequence sequence) {
    int block = kvBlocks.take();
    if (block == KvBlocks.NONE) {
      return false;
    }
    sequence.addBlock(block);
    return true;
  }

  private void admit() {
    if (waiting.isEmpty() || running.size() == limits.sequencesMax() || step.tokensLeft() == 0) {
      return;
    }
    int available = kvBlocks.available();
    forecast();
    while (!waiting.isEmpty() && running.size() < limits.sequencesMax() && step.tokensLeft() > 0) {
      Sequence sequence = waiting.peekFirst();
      int found = limits.prefixCache() ? findPrefix(sequence) : 0;
      if (found < 0) {
        prefixWaits++;
        return;
      }
      int foundHeld = found;
      for (int i = 0; i < found; i++) {
        foundHeld -= kvBlocks.isKept(sequence.blockTable[i]) ? 1 : 0;
      }
      int more = expectedMore(sequence);
      int peak = forecast.peakWith(more, sequence.wantedTokens(), foundHeld);
      int room = available + overcommitment() - peak;
      if (!running.isEmpty() && (room < 0 || isLittleBeyondStep(sequence, more, room))) {
        sequence.restart();
        return;
      }
      waiting.removeFirst();
      forecast.add(more, sequence.wantedTokens(), foundHeld, 0);
      start(sequence, found);
      int chunk = step.room(sequence);
      addTokens(sequence, chunk - beyondRows(chunk));
    }
  }

  /** Looks ahead for the running sequences. */
  private void forecast() {
    outputLengths.learn(running);
    forecast.clear();
    for (Sequence sequence : running) {
      forecast.add(
          expectedMore(sequence), sequence.wantedTokens(), sequence.blocks, sequence.ownBlocks());
    }
  }

  private void start(Sequence sequence, int found) {
    for (int i = 0; i < found; i++) {
      kvBlocks.hold(sequence.blockTable[i]);
    }
    sequence.blocks = found;
    sequence.foundBlocks = found;
    sequence.publishedBlocks = found;
    sequence.computedTokens = found * StepPlan.BLOCK_TOKENS;
    sequence.committedTokens = sequence.computedTokens;
    running.add(sequence);
    if (limits.prefixCache()) {
      pendingPrefixes.announce(sequence);
    }
    if (sequence.cachedTokens < 0) {
      sequence.cachedTokens = Math.min(sequence.computedTokens, sequence.promptTokens);
      promptTokens += sequence.promptTokens;
      cachedTokens += sequence.cachedTokens;
    }
  }

  /**
   * Fills the sequence's table with the blocks of its prefix that are in the cache, without holding
   * them.
   *
   * @return how many, or -1 if the next one is just being computed by another sequence
   */
  private int findPrefix(Sequence sequence) {
    int most = sequence.cacheableBlocks();
    int parent = KvBlocks.NONE;
    for (int i = 0; i < most; i++) {
      long hash = sequence.blockHash(i);
      int block = kvBlocks.find(parent, hash, sequence.tokenIds(), i * StepPlan.BLOCK_TOKENS);
      if (block == KvBlocks.NONE) {
        sequence.blocks = 0;
        return pendingPrefixes.contains(hash) ? -1 : i;
      }
      sequence.blocks = i;
      sequence.addBlock(block);
      parent = block;
    }
    sequence.blocks = 0;
    return most;
  }

  private void publish(Sequence sequence) {
    if (!limits.prefixCache()) {
      return;
    }
    while ((sequence.publishedBlocks + 1) * StepPlan.BLOCK_TOKENS <= sequence.committedTokens) {
      int i = sequence.publishedBlocks;
      int parent = i == 0 ? KvBlocks.NONE : sequence.blockTable[i - 1];
      sequence.blockTable[i] =
          kvBlocks.publish(
              sequence.blockTable[i],
              parent,
              sequence.blockHash(i),
              sequence.tokenIds(),
              i * StepPlan.BLOCK_TOKENS);
      pendingPrefixes.published(sequence, i);
      sequence.publishedBlocks++;
    }
  }

  /**
   * Whether a sequence would be among few that make steps as slow as many would.
   *
   * @param room blocks that are left when it is admitted
   */
  private boolean isLittleBeyondStep(Sequence sequence, int more, int room) {
    int step = limits.sequencesStep();
    if (step == 1 || running.size() < STEPPED_SEQUENCES || running.size() % step != 0) {
      return false;
    }
    int each = Math.max(1, Sequence.blocksOf(sequence.wantedTokens() + more));
    return Math.min(waiting.size(), 1 + room / each) < step * STEP_SHARE_MIN;
  }

  /** The token drawn last is never computed. */
  private int expectedMore(Sequence sequence) {
    return sequence.draw == null ? 0 : Math.max(0, outputLengths.expectedMore(sequence) - 1);
  }

  /** Blocks that may be promised though they are not there: missing some steps costs little. */
  private int overcommitment() {
    return kvBlocks.size() / OVERCOMMITTED_PART;
  }

  /**
   * Checks every invariant of blocks and queues between a commit and the next plan, also while a
   * step is under way.
   *
   * @throws IllegalStateException naming what is wrong
   */
  void check() {
    int[] holders = new int[kvBlocks.size()];
    for (Sequence sequence : running) {
      for (int i = 0; i < sequence.blocks; i++) {
        holders[sequence.blockTable[i]]++;
      }
      if (sequence.blocks != Sequence.blocksOf(sequence.computedTokens)
          || sequence.committedTokens > sequence.computedTokens
          || (planned.isEmpty() && sequence.committedTokens < sequence.computedTokens)
          || (planned.isEmpty() && sequence.missingTokens() < 1 && !sequence.abandoned)) {
        throw new IllegalStateException(
            "running sequence holds %d blocks for %d computed tokens, %d missing"
                .formatted(sequence.blocks, sequence.computedTokens, sequence.missingTokens()));
      }
    }
    for (Sequence sequence : waiting) {
      if (sequence.blocks != 0) {
        throw new IllegalStateException("waiting sequence holds " + sequence.blocks + " blocks");
      }
    }
    if (running.isEmpty() && !pendingPrefixes.isEmpty()) {
      throw new IllegalStateException("prefixes are announced, but nothing runs");
    }
    if (running.size() > limits.sequencesMax()) {
      throw new IllegalStateException(running.size() + " running sequences");
    }
    kvBlocks.check(holders);
  }
}
