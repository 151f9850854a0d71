package dev.millrace.engine;

import dev.millrace.api.request.Choice;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.engine.sample.StopMatcher;
import dev.millrace.engine.schedule.Sequence;
import dev.millrace.engine.schedule.SequenceListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One choice being made: collects its tokens and decides when it ends. Written on the step thread;
 * read once it has ended.
 */
final class ChoiceProgress implements SequenceListener {
  private final ActiveRequest request;
  private final int index;
  private final long seed;
  private final int outputTokensMax;
  private final StopMatcher stopMatcher; // null without stop texts
  private final EngineText.Decoder decoder; // null without stop texts
  private final int[] endTokenIds;
  private final List<TokenLogprob> logprobs = new ArrayList<>();
  private int[] tokenIds = new int[16];
  private int tokens;
  private double cumulativeLogprob;
  private FinishReason finishReason;
  private boolean endedByToken;
  private Sequence sequence;

  ChoiceProgress(
      ActiveRequest request, int index, long seed, int outputTokensMax, int[] endTokenIds) {
    this.request = request;
    this.index = index;
    this.seed = seed;
    this.outputTokensMax = outputTokensMax;
    this.endTokenIds = endTokenIds;
    SamplingSettings settings = request.settings();
    boolean stops = !settings.stop().isEmpty() && !request.isScoring();
    stopMatcher = stops ? new StopMatcher(settings.stop()) : null;
    decoder = stops ? request.text().decoder(settings.skipSpecialTokens()) : null;
  }

  void attach(Sequence value) {
    sequence = value;
  }

  Sequence sequence() {
    return sequence;
  }

  int outputTokens() {
    return tokens;
  }

  @Override
  public boolean drawn(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {
    add(tokenId, logprob, topTokenIds, topLogprobs);
    if (isEnd(tokenId)) {
      endedByToken = true;
      finishReason = FinishReason.STOP;
    } else if (stopMatcher != null && stopMatcher.append(decoder.append(tokenId), stopsActive())) {
      finishReason = FinishReason.STOP;
    } else if (tokens == outputTokensMax) {
      boolean stopped = stopMatcher != null && stopMatcher.append(decoder.finish(), stopsActive());
      finishReason = stopped ? FinishReason.STOP : FinishReason.LENGTH;
    } else {
      return false;
    }
    request.choiceEnded();
    return true;
  }

  @Override
  public void scored(int position, float logprob, int[] topTokenIds, float[] topLogprobs) {
    int tokenId = request.givenTokenId(position);
    if (position < request.promptTokens()) {
      request.addPromptLogprob(new TokenLogprob(tokenId, logprob, topTokenIds, topLogprobs));
    } else {
      add(tokenId, logprob, topTokenIds, topLogprobs);
    }
  }

  @Override
  public void scoringEnded() {
    finishReason = FinishReason.SCORED;
    request.choiceEnded();
  }

  @Override
  public void undrawable() {
    request.fail(
        "no token could be drawn after "
            + (request.promptTokens() + tokens)
            + " tokens: the model's logits are not numbers, or bad words, logit bias and min_tokens"
            + " ban every token; check these settings and the weights");
  }

  private void add(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {
    if (tokens == tokenIds.length) {
      tokenIds = Arrays.copyOf(tokenIds, tokens * 2);
    }
    tokenIds[tokens++] = tokenId;
    cumulativeLogprob += logprob;
    if (request.settings().logprobs() != null) {
      logprobs.add(new TokenLogprob(tokenId, logprob, topTokenIds, topLogprobs));
    }
  }

  private boolean isEnd(int tokenId) {
    for (int endTokenId : endTokenIds) {
      if (endTokenId == tokenId) {
        return true;
      }
    }
    return false;
  }

  private boolean stopsActive() {
    return tokens > request.settings().minTokens();
  }

  /** The finished choice; decodes its text. */
  Choice build() {
    int[] ids = Arrays.copyOf(tokenIds, tokens);
    return new Choice(
        index, ids, text(ids), finishReason, stoppedBy(), cumulativeLogprob, logprobs, seed);
  }

  private String text(int[] ids) {
    SamplingSettings settings = request.settings();
    if (stopMatcher != null && stopMatcher.matched() != null) {
      return stopMatcher.text(settings.includeStop());
    }
    int[] shown = endedByToken && !settings.includeStop() ? Arrays.copyOf(ids, tokens - 1) : ids;
    return request.text().decode(shown, settings.skipSpecialTokens());
  }

  private String stoppedBy() {
    if (endedByToken) {
      return request.text().decode(new int[] {tokenIds[tokens - 1]}, false);
    }
    return stopMatcher == null ? null : stopMatcher.matched();
  }
}
