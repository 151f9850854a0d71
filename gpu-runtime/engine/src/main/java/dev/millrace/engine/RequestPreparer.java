package dev.millrace.engine;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.Sequence;
import dev.millrace.engine.step.DrawState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Turns a request into sequences, on the thread of whoever submits it: tokenises, checks every
 * setting against the model, and refuses what cannot be served.
 */
final class RequestPreparer {
  private final EngineModel model;

  RequestPreparer(EngineModel model) {
    this.model = model;
  }

  /**
   * Gives an active request its tokens and choices.
   *
   * @throws RequestException if it cannot be served as it stands
   */
  void prepare(GenerationRequest request, ActiveRequest active) throws RequestException {
    checkSettings(request.sampling());
    int[] prompt = promptTokens(request.prompt());
    if (request.isScoring()) {
      prepareScoring(request, active, prompt);
    } else {
      prepareGeneration(request, active, prompt);
    }
  }

  private void prepareGeneration(GenerationRequest request, ActiveRequest active, int[] prompt)
      throws RequestException {
    SamplingSettings settings = request.sampling();
    int room = model.contextTokensMax() - prompt.length;
    int least = Math.max(1, settings.minTokens());
    if (room < least) {
      throw new RequestException(
          FailureReason.PROMPT_TOO_LONG,
          "prompt of %d tokens and at least %d of output, but the context holds %d; shorten the prompt by %d tokens"
              .formatted(prompt.length, least, model.contextTokensMax(), least - room));
    }
    active.setTokens(prompt, prompt.length);
    int[] endTokenIds = endTokenIds(settings);
    int[][] badWords = badWords(settings);
    long requestSeed = settings.seed() != null ? settings.seed() : RequestSeeds.ofId(request.id());
    int outputTokensMax = Math.min(settings.maxTokens(), room);
    for (int index = 0; index < settings.n(); index++) {
      long seed = RequestSeeds.ofChoice(requestSeed, index);
      ChoiceProgress choice = new ChoiceProgress(active, index, seed, outputTokensMax, endTokenIds);
      DrawState draw = drawState(settings, badWords, endTokenIds, seed, prompt);
      choice.attach(
          Sequence.generating(
              prompt,
              index == 0 ? settings.promptLogprobs() : null,
              orZero(settings.logprobs()),
              settings.minTokens(),
              outputTokensMax,
              draw,
              choice));
      active.addChoice(choice);
    }
  }

  private static DrawState drawState(
      SamplingSettings settings, int[][] badWords, int[] endTokenIds, long seed, int[] prompt) {
    return new DrawState(
        settings.temperature(),
        settings.topK(),
        settings.topP(),
        settings.minP(),
        settings.repetitionPenalty(),
        settings.presencePenalty(),
        settings.frequencyPenalty(),
        settings.logitBias(),
        badWords,
        endTokenIds,
        seed,
        prompt);
  }

  private void prepareScoring(GenerationRequest request, ActiveRequest active, int[] prompt)
      throws RequestException {
    SamplingSettings settings = request.sampling();
    int[] continuation = continuationTokens(request.continuation());
    int total = prompt.length + continuation.length;
    if (total > model.contextTokensMax()) {
      throw new RequestException(
          FailureReason.PROMPT_TOO_LONG,
          "prompt of %d tokens and continuation of %d, but the context holds %d; shorten them by %d tokens"
              .formatted(
                  prompt.length,
                  continuation.length,
                  model.contextTokensMax(),
                  total - model.contextTokensMax()));
    }
    int[] tokenIds = Arrays.copyOf(prompt, total);
    System.arraycopy(continuation, 0, tokenIds, prompt.length, continuation.length);
    active.setTokens(tokenIds, prompt.length);
    long seed = settings.seed() != null ? settings.seed() : RequestSeeds.ofId(request.id());
    ChoiceProgress choice = new ChoiceProgress(active, 0, seed, 0, new int[0]);
    choice.attach(
        Sequence.scoring(
            tokenIds,
            prompt.length,
            settings.promptLogprobs(),
            orZero(settings.logprobs()),
            choice));
    active.addChoice(choice);
  }

  private int[] promptTokens(Prompt prompt) throws RequestException {
    int[] tokenIds = model.text().encode(prompt);
    if (tokenIds.length == 0) {
      throw new RequestException(
          FailureReason.PROMPT_EMPTY, "the prompt has no token; give at least one");
    }
    checkTokens(tokenIds, "prompt");
    return tokenIds;
  }

  private int[] continuationTokens(Prompt continuation) throws RequestException {
    int[] tokenIds = model.text().encodeContinuation(continuation);
    if (tokenIds.length == 0) {
      throw new RequestException(
          FailureReason.PROMPT_EMPTY, "the continuation has no token to score; give at least one");
    }
    checkTokens(tokenIds, "continuation");
    return tokenIds;
  }

  private void checkTokens(int[] tokenIds, String where) throws RequestException {
    for (int i = 0; i < tokenIds.length; i++) {
      if (tokenIds[i] < 0 || tokenIds[i] >= model.vocabularySize()) {
        throw new RequestException(
            FailureReason.PROMPT_INVALID,
            "token ids from 0 to %d, found %d at index %d of the %s; was it tokenised for another model?"
                .formatted(model.vocabularySize() - 1, tokenIds[i], i, where));
      }
    }
  }

  private void checkSettings(SamplingSettings settings) throws RequestException {
    for (Integer tokenId : settings.logitBias().keySet()) {
      checkSettingToken("logit_bias", tokenId);
    }
    for (Integer tokenId : settings.stopTokenIds()) {
      checkSettingToken("stop_token_ids", tokenId);
    }
  }

  private void checkSettingToken(String field, int tokenId) throws RequestException {
    if (tokenId < 0 || tokenId >= model.vocabularySize()) {
      throw new RequestException(
          FailureReason.SETTINGS_INVALID,
          "%s: expected token ids from 0 to %d, found %d; correct it"
              .formatted(field, model.vocabularySize() - 1, tokenId));
    }
  }

  private int[] endTokenIds(SamplingSettings settings) {
    Stream<Integer> ends = settings.ignoreEos() ? Stream.of() : model.endTokenIds().stream();
    return Stream.concat(ends, settings.stopTokenIds().stream())
        .mapToInt(Integer::intValue)
        .distinct()
        .toArray();
  }

  /**
   * Each word as the tokenizer cuts it, at the beginning of a text and after a space, and again
   * with the special tokens it names: a model draws those, and hardly ever spells them.
   */
  int[][] badWords(SamplingSettings settings) throws RequestException {
    List<int[]> words = new ArrayList<>();
    for (String word : settings.badWords()) {
      for (String spelling : List.of(word, " " + word.stripLeading())) {
        addBadWord(words, model.text().encodePlain(spelling, false));
        addBadWord(words, model.text().encodePlain(spelling, true));
      }
    }
    return words.toArray(int[][]::new);
  }

  /** Leaves out a word with a token that the head has no logit for: it is never drawn. */
  private void addBadWord(List<int[]> words, int[] tokenIds) {
    if (tokenIds.length > 0
        && Arrays.stream(tokenIds).allMatch(id -> id < model.vocabularySize())
        && words.stream().noneMatch(w -> Arrays.equals(w, tokenIds))) {
      words.add(tokenIds);
    }
  }

  private static int orZero(Integer value) {
    return value == null ? 0 : value;
  }
}
