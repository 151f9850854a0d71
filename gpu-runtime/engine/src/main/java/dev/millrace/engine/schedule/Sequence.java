package dev.millrace.engine.schedule;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.StepPlan;
import java.util.Arrays;

/**
 * One run of tokens through the model: a choice being generated, or a continuation being scored.
 * Owned by one scheduler, on its thread.
 */
public final class Sequence {
  private static final int BLOCK = StepPlan.BLOCK_TOKENS;

  final SequenceListener listener;
  final DrawState draw; // null when nothing is drawn
  final int promptTokens;
  final int outputTokensMax;
  final int minTokens;
  final int promptTopLogprobs;
  final int outputTopLogprobs;
  private final int givenTokens;
  private int[] tokenIds;
  private int tokens;
  private long[] blockHashes = new long[4];
  private int hashedBlocks;

  /** Position of the next given token to score; {@code givenTokens} when all are planned. */
  int nextScore;

  /** Position of the next given token whose score will come. */
  private int nextReport;

  /** Tokens whose keys and values are in the cache once all planned steps have run. */
  int computedTokens;

  /** Tokens whose keys and values are in the cache for sure. */
  int committedTokens;

  /** Tokens that planned steps draw and the host does not know yet. */
  int pendingTokens;

  /** Which logit task of the last planned step draws the pending token. */
  int pendingTask;

  int[] blockTable = new int[4];
  int blocks;

  /** Leading blocks of the table that came from the prefix cache, and may have other holders. */
  int foundBlocks;

  /** Leading blocks of the table that are in the prefix cache. */
  int publishedBlocks;

  /** Leading blocks up to which this sequence is known to compute what others may want. */
  int announcedBlocks;

  /** From 0 to 1: which of all lengths this sequence is expected to get. */
  double quantile;

  int cachedTokens = -1; // until first admitted
  boolean abandoned;
  Runnable onAbandoned = () -> {}; // until it has a scheduler

  /** Whether nothing more is taken from steps that still hold it. */
  boolean over;

  private Sequence(
      int[] tokenIds,
      int promptTokens,
      int scoreFrom,
      int promptTopLogprobs,
      int outputTopLogprobs,
      int minTokens,
      int outputTokensMax,
      DrawState draw,
      SequenceListener listener) {
    this.tokenIds = tokenIds;
    this.tokens = tokenIds.length;
    this.givenTokens = tokenIds.length;
    this.promptTokens = promptTokens;
    this.nextScore = scoreFrom;
    this.nextReport = scoreFrom;
    this.promptTopLogprobs = promptTopLogprobs;
    this.outputTopLogprobs = outputTopLogprobs;
    this.minTokens = minTokens;
    this.outputTokensMax = outputTokensMax;
    this.draw = draw;
    this.listener = listener;
  }

  /**
   * A choice to generate.
   *
   * @param promptTokenIds at least one; not copied until the first token is drawn, never written
   * @param promptLogprobs alternatives to report per prompt token, or null not to score the prompt
   * @param logprobs alternatives to report per drawn token
   * @param outputTokensMax most tokens that the listener will take
   */
  public static Sequence generating(
      int[] promptTokenIds,
      Integer promptLogprobs,
      int logprobs,
      int minTokens,
      int outputTokensMax,
      DrawState draw,
      SequenceListener listener) {
    if (promptTokenIds.length == 0 || outputTokensMax < 1) {
      throw new IllegalArgumentException(
          "expected a prompt and room for output, found %d prompt tokens, at most %d output tokens"
              .formatted(promptTokenIds.length, outputTokensMax));
    }
    return new Sequence(
        promptTokenIds,
        promptTokenIds.length,
        promptLogprobs == null ? promptTokenIds.length : 1,
        promptLogprobs == null ? 0 : promptLogprobs,
        logprobs,
        minTokens,
        outputTokensMax,
        draw,
        listener);
  }

  /**
   * A continuation to score after a prompt.
   *
   * @param tokenIds prompt and continuation, at least one token each
   * @param promptLogprobs alternatives to report per prompt token, or null not to score the prompt
   * @param logprobs alternatives to report per token of the continuation
   */
  public static Sequence scoring(
      int[] tokenIds,
      int promptTokens,
      Integer promptLogprobs,
      int logprobs,
      SequenceListener listener) {
    if (promptTokens < 1 || tokenIds.length <= promptTokens) {
      throw new IllegalArgumentException(
          "expected a prompt and a continuation, found %d prompt tokens of %d"
              .formatted(promptTokens, tokenIds.length));
    }
    return new Sequence(
        tokenIds,
        promptTokens,
        promptLogprobs == null ? promptTokens : 1,
        promptLogprobs == null ? 0 : promptLogprobs,
        logprobs,
        0,
        0,
        null,
        listener);
  }

  /** Prompt tokens found in the prefix cache when the sequence was first admitted; 0 before. */
  public int cachedTokens() {
    return Math.max(0, cachedTokens);
  }

  /** Asks the scheduler to drop the sequence before its next plan; the listener hears no more. */
  public void abandon() {
    abandoned = true;
    onAbandoned.run();
  }

  int tokenId(int position) {
    return tokenIds[position];
  }

  int[] tokenIds() {
    return tokenIds;
  }

  /** Tokens drawn, those that planned steps will draw included. */
  int outputTokens() {
    return drawnTokens() + pendingTokens;
  }

  /** Tokens drawn so far. */
  int drawnTokens() {
    return tokens - givenTokens;
  }

  /** Whether the token at a position is drawn by a step whose result is not in yet. */
  boolean isPending(int position) {
    return position >= tokens;
  }

  /**
   * Whether its next tokens can be planned: while a step is under way, that waits for the step
   * where the sequence ends with it for sure, or where the next draw looks at what it draws.
   */
  boolean canMove() {
    if (over || abandoned) {
      return false;
    }
    return draw == null
        ? missingTokens() > 0
        : pendingTokens == 0 || (outputTokens() < outputTokensMax && !draw.looksBack());
  }

  boolean hasScoresLeft() {
    return nextScore < givenTokens;
  }

  /** The position whose score has come. */
  int reportScore() {
    return nextReport++;
  }

  boolean awaitsScores() {
    return nextReport < givenTokens;
  }

  /** Position of the last given token to score. */
  int lastScore() {
    return givenTokens - 1;
  }

  int topLogprobsAt(int position) {
    return position < promptTokens ? promptTopLogprobs : outputTopLogprobs;
  }

  void append(int tokenId) {
    if (tokens == tokenIds.length) {
      tokenIds = Arrays.copyOf(tokenIds, tokens + Math.max(16, tokens / 2));
    }
    tokenIds[tokens++] = tokenId;
    pendingTokens--;
    draw.append(tokenId);
  }

  /** Tokens to have in the cache: all drawn ones, but for the last when nothing follows it. */
  int wantedTokens() {
    return draw != null ? tokens + pendingTokens : tokens - 1;
  }

  int missingTokens() {
    return wantedTokens() - computedTokens;
  }

  /** Whether this step's one token is the one that was drawn last. */
  boolean isDecoding() {
    return draw != null && outputTokens() > 0 && missingTokens() == 1;
  }

  /** Whether the sequence cannot move without another block. */
  boolean needsBlock() {
    return computedTokens == blocks * BLOCK;
  }

  /** Tokens that the held blocks have room for. */
  int freeSlots() {
    return blocks * BLOCK - computedTokens;
  }

  /** Blocks that are to be had when the sequence ends. */
  int ownBlocks() {
    return blocks - foundBlocks;
  }

  int tokensAtMost() {
    return givenTokens + outputTokensMax;
  }

  /** Leading blocks that may come from the cache: all before the first row whose logits count. */
  int cacheableBlocks() {
    int firstRow = hasScoresLeft() ? nextScore - 1 : tokens - 1;
    return firstRow / BLOCK;
  }

  static int blocksOf(int tokens) {
    return (tokens + BLOCK - 1) / BLOCK;
  }

  void addBlock(int block) {
    if (blocks == blockTable.length) {
      blockTable = Arrays.copyOf(blockTable, blocks * 2);
    }
    blockTable[blocks++] = block;
  }

  /** Names the first {@code block + 1} blocks of tokens, which must all be known. */
  long blockHash(int block) {
    while (hashedBlocks <= block) {
      if (hashedBlocks == blockHashes.length) {
        blockHashes = Arrays.copyOf(blockHashes, hashedBlocks * 2);
      }
      long before = hashedBlocks == 0 ? 0 : blockHashes[hashedBlocks - 1];
      blockHashes[hashedBlocks] = KvBlocks.hash(before, tokenIds, hashedBlocks * BLOCK);
      hashedBlocks++;
    }
    return blockHashes[block];
  }

  /** Forgets blocks and progress; tokens and scores stay. */
  void restart() {
    blocks = 0;
    foundBlocks = 0;
    computedTokens = 0;
    committedTokens = 0;
    publishedBlocks = 0;
    announcedBlocks = 0;
  }
}
