package dev.millrace.engine;

import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.api.request.TokenUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * One request on its way through the engine. It is settled exactly once, by its last choice, a
 * failure or a cancellation, whichever comes first; from then on only the completion thread looks
 * at it.
 */
final class ActiveRequest {
  /** Stands for success in {@link #outcome}. */
  private static final RequestFailure NO_FAILURE =
      new RequestFailure(FailureReason.ENGINE_FAILED, "");

  private final GenerationRequest request;
  private final EngineText text;
  private final Consumer<Completion> consumer;
  private final Consumer<ActiveRequest> onEnded;
  private final Consumer<ActiveRequest> onSettled;
  private final List<ChoiceProgress> choices = new ArrayList<>();
  private final List<TokenLogprob> promptLogprobs = new ArrayList<>();
  private final AtomicReference<RequestFailure> outcome = new AtomicReference<>();
  private int[] givenTokenIds = {};
  private int promptTokens;
  private int choicesEnded;

  /**
   * @param onEnded takes the request when its last choice has ended; called on the step thread
   * @param onSettled takes the request when it is settled; called on any thread
   */
  ActiveRequest(
      GenerationRequest request,
      EngineText text,
      Consumer<Completion> consumer,
      Consumer<ActiveRequest> onEnded,
      Consumer<ActiveRequest> onSettled) {
    this.request = request;
    this.text = text;
    this.consumer = consumer;
    this.onEnded = onEnded;
    this.onSettled = onSettled;
  }

  /** The prompt, and for scoring the continuation behind it. */
  void setTokens(int[] tokenIds, int promptLength) {
    givenTokenIds = tokenIds;
    promptTokens = promptLength;
  }

  void addChoice(ChoiceProgress choice) {
    choices.add(choice);
  }

  List<ChoiceProgress> choices() {
    return choices;
  }

  String id() {
    return request.id();
  }

  SamplingSettings settings() {
    return request.sampling();
  }

  /** How many it takes, from before its choices are there. */
  int sequences() {
    return isScoring() ? 1 : settings().n();
  }

  boolean isScoring() {
    return request.isScoring();
  }

  EngineText text() {
    return text;
  }

  int promptTokens() {
    return promptTokens;
  }

  int givenTokenId(int position) {
    return givenTokenIds[position];
  }

  void addPromptLogprob(TokenLogprob logprob) {
    promptLogprobs.add(logprob);
  }

  void choiceEnded() {
    if (++choicesEnded == choices.size()) {
      onEnded.accept(this);
    }
  }

  void succeed() {
    settle(NO_FAILURE);
  }

  void fail(String message) {
    settle(new RequestFailure(FailureReason.ENGINE_FAILED, message));
    abandon();
  }

  /** Lets the scheduler drop what is left of it; on the step thread. */
  void abandon() {
    choices.forEach(choice -> choice.sequence().abandon());
  }

  boolean isSettled() {
    return outcome.get() != null;
  }

  /** Ends the request with this failure, unless it has ended. */
  void settle(RequestFailure failure) {
    if (outcome.compareAndSet(null, failure)) {
      onSettled.accept(this);
    }
  }

  /** The completion; decodes text, so it belongs off the step thread. */
  Completion build() {
    RequestFailure failure = outcome.get();
    if (failure != NO_FAILURE) {
      return Completion.failed(id(), failure);
    }
    List<Choice> built = choices.stream().map(ChoiceProgress::build).toList();
    int outputTokens =
        isScoring() ? 0 : choices.stream().mapToInt(ChoiceProgress::outputTokens).sum();
    int cachedTokens = choices.get(0).sequence().cachedTokens();
    return new Completion(
        id(),
        built,
        promptLogprobs,
        new TokenUsage(promptTokens, cachedTokens, outputTokens),
        null);
  }

  void deliver(Completion completion) {
    consumer.accept(completion);
  }
}
