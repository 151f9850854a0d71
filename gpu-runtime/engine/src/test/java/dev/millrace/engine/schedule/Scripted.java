package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.DrawState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** One sequence of a test: what it asks, what it heard, and what it should have heard. */
final class Scripted implements SequenceListener {
  static final int VOCABULARY = 50;

  final int[] prompt;
  final int[] continuation; // null: generate
  final boolean promptLogprobs;
  final int minTokens;
  final int maxTokens;
  final long seed;
  Sequence sequence;
  final List<Integer> tokens = new ArrayList<>();
  final List<Float> logprobs = new ArrayList<>();
  final List<Float> scores = new ArrayList<>();
  boolean ended;
  boolean cancelled;

  Scripted(
      int[] prompt,
      int[] continuation,
      boolean promptLogprobs,
      int minTokens,
      int maxTokens,
      long seed) {
    this.prompt = prompt;
    this.continuation = continuation;
    this.promptLogprobs = promptLogprobs;
    this.minTokens = minTokens;
    this.maxTokens = maxTokens;
    this.seed = seed;
  }

  static Scripted generating(int[] prompt, int maxTokens) {
    return new Scripted(prompt, null, false, maxTokens, maxTokens, 1);
  }

  Sequence open() {
    Integer prompted = promptLogprobs ? 2 : null;
    sequence =
        continuation == null
            ? Sequence.generating(
                prompt, prompted, 1, minTokens, maxTokens, drawState(seed, prompt), this)
            : Sequence.scoring(joined(), prompt.length, prompted, 3, this);
    return sequence;
  }

  static DrawState drawState(long seed, int[] prompt) {
    return new DrawState(0, 0, 1, 0, 1, 0, 0, Map.of(), new int[0][], new int[] {0}, seed, prompt);
  }

  private int[] joined() {
    int[] joined = Arrays.copyOf(prompt, prompt.length + continuation.length);
    System.arraycopy(continuation, 0, joined, prompt.length, continuation.length);
    return joined;
  }

  @Override
  public boolean drawn(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {
    assertFalse(ended, "heard of a token after the end");
    assertEquals(1, topTokenIds.length);
    tokens.add(tokenId);
    logprobs.add(logprob);
    ended = tokens.size() == maxTokens || (tokenId == ScriptedExecutor.END);
    return ended;
  }

  @Override
  public void scored(int position, float logprob, int[] topTokenIds, float[] topLogprobs) {
    assertFalse(ended, "heard of a score after the end");
    assertEquals((promptLogprobs ? 1 : prompt.length) + scores.size(), position);
    assertEquals(position < prompt.length ? 2 : 3, topTokenIds.length);
    scores.add(logprob);
  }

  @Override
  public void scoringEnded() {
    assertFalse(ended, "ended twice");
    ended = true;
  }

  @Override
  public void undrawable() {
    throw new AssertionError("the script always has a token");
  }

  /** Checks everything heard against what the script gives this sequence alone. */
  void assertAsAlone(ScriptedExecutor script, String what) {
    assertTrue(ended, () -> "not ended: " + what);
    int[] given = continuation == null ? prompt : joined();
    List<Float> expectedScores = new ArrayList<>();
    long state = 0;
    for (int i = 0; i < given.length; i++) {
      boolean scored = promptLogprobs ? i > 0 : i >= prompt.length;
      if (scored) {
        expectedScores.add(ScriptedExecutor.logprob(state, given[i]));
      }
      state = ScriptedExecutor.next(state, given[i], i);
    }
    assertEquals(expectedScores, scores, what);
    if (continuation != null) {
      return;
    }
    List<Integer> expected = new ArrayList<>();
    List<Float> expectedLogprobs = new ArrayList<>();
    while (expected.size() < maxTokens) {
      int token = script.token(state, seed, expected.size() < minTokens);
      expectedLogprobs.add(ScriptedExecutor.logprob(state, token));
      state = ScriptedExecutor.next(state, token, given.length + expected.size());
      expected.add(token);
      if (token == ScriptedExecutor.END) {
        break;
      }
    }
    assertEquals(expected, tokens, what);
    assertEquals(expectedLogprobs, logprobs, what);
    assertArrayEquals(
        expected.stream().mapToInt(Integer::intValue).toArray(),
        sequence.draw.outputTokenIds(),
        what);
  }
}
