package dev.millrace.engine.sample;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepResult;
import java.util.List;
import java.util.Map;

/** Builds draws with defaults for everything, so that a set option is the point of the test. */
final class Draws {
  double temperature = 1;
  int topK;
  double topP = 1;
  double minP;
  double repetitionPenalty = 1;
  double presencePenalty;
  double frequencyPenalty;
  Map<Integer, Double> logitBias = Map.of();
  int[][] badWords = {};
  int[] endTokenIds = {};
  long seed = 42;
  int[] prompt = {};
  int[] output = {};
  boolean banEndTokens;
  int topLogprobs;

  static Draws greedy() {
    Draws draws = new Draws();
    draws.temperature = 0;
    return draws;
  }

  static Draws filtered(double temperature, int topK, double topP, double minP) {
    Draws draws = new Draws();
    draws.temperature = temperature;
    draws.topK = topK;
    draws.topP = topP;
    draws.minP = minP;
    return draws;
  }

  DrawState state() {
    DrawState state =
        new DrawState(
            temperature,
            topK,
            topP,
            minP,
            repetitionPenalty,
            presencePenalty,
            frequencyPenalty,
            logitBias,
            badWords,
            endTokenIds,
            seed,
            prompt);
    for (int tokenId : output) {
      state.append(tokenId);
    }
    return state;
  }

  LogitTask.Draw task(int drawIndex) {
    return new LogitTask.Draw(0, topLogprobs, state(), drawIndex, banEndTokens);
  }

  StepResult run(float... logits) {
    return run(new Sampler(logits.length), logits, 0);
  }

  StepResult run(Sampler sampler, float[] logits, int drawIndex) {
    return run(sampler, task(drawIndex), logits);
  }

  static StepResult run(Sampler sampler, LogitTask task, float[] logits) {
    StepResult result = Sampler.newResult(List.of(task));
    sampler.run(task, logits, 0, result, 0);
    return result;
  }

  int token(float... logits) {
    return run(logits).tokenIds()[0];
  }
}
