package dev.millrace.api.request;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How tokens are drawn and when a choice ends. Order of operations: logit bias, bad words and
 * {@code minTokens}, penalties, temperature, top-k, top-p, min-p, draw. Penalties also act under
 * greedy decoding.
 *
 * @param maxTokens most tokens to generate per choice, at least 1
 * @param minTokens tokens before which no stop token and no end token may be drawn
 * @param temperature 0 is greedy; otherwise logits are divided by it
 * @param topK draw among the k most likely tokens; 0 is off
 * @param topP draw among the smallest set of tokens whose probability reaches this; 1 is off
 * @param minP drop tokens less likely than this times the most likely one; 0 is off
 * @param repetitionPenalty logits of tokens seen in prompt or output are divided (if positive) or
 *     multiplied (if negative) by it; 1 is off. Keskar et al. 2019, arXiv:1909.05858
 * @param presencePenalty subtracted once from the logits of tokens seen in the output
 * @param frequencyPenalty subtracted from the logits of tokens seen in the output, times their
 *     count
 * @param logitBias added to the logits of these token ids
 * @param badWords texts that may not be generated
 * @param stop texts that end a choice; not part of its text unless {@code includeStop}
 * @param stopTokenIds tokens that end a choice, beside the model's own end tokens
 * @param includeStop keep the stop text that ended the choice in its text
 * @param ignoreEos do not end at the model's end tokens
 * @param skipSpecialTokens leave special tokens out of the text
 * @param seed seed of the draws; null derives it from the request id
 * @param n choices per request, at least 1
 * @param logprobs alternatives to report per output token; null reports nothing, 0 the token alone
 * @param promptLogprobs the same for prompt tokens
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SamplingSettings(
    int maxTokens,
    int minTokens,
    double temperature,
    int topK,
    double topP,
    double minP,
    double repetitionPenalty,
    double presencePenalty,
    double frequencyPenalty,
    Map<Integer, Double> logitBias,
    List<String> badWords,
    List<String> stop,
    List<Integer> stopTokenIds,
    boolean includeStop,
    boolean ignoreEos,
    boolean skipSpecialTokens,
    Long seed,
    int n,
    Integer logprobs,
    Integer promptLogprobs)
    implements Serializable {

  /** Most alternatives per token that {@code logprobs} and {@code promptLogprobs} may ask for. */
  public static final int LOGPROBS_MAX = 100;

  /** Most choices per request. */
  public static final int N_MAX = 1024;

  public SamplingSettings {
    logitBias = java.util.Collections.unmodifiableMap(new TreeMap<>(logitBias));
    badWords = List.copyOf(badWords);
    stop = List.copyOf(stop);
    stopTokenIds = List.copyOf(stopTokenIds);
    require(maxTokens >= 1, "max_tokens", "at least 1", maxTokens);
    require(minTokens >= 0 && minTokens <= maxTokens, "min_tokens", "0 to max_tokens", minTokens);
    require(
        temperature >= 0 && temperature <= 100, "temperature", "0 (greedy) to 100", temperature);
    require(topK >= 0, "top_k", "0 (off) or more", topK);
    require(topP > 0 && topP <= 1, "top_p", "above 0, at most 1 (off)", topP);
    require(minP >= 0 && minP <= 1, "min_p", "0 (off) to 1", minP);
    require(
        repetitionPenalty > 0 && repetitionPenalty <= 100,
        "repetition_penalty",
        "above 0, at most 100 (1 is off)",
        repetitionPenalty);
    require(Math.abs(presencePenalty) <= 100, "presence_penalty", "-100 to 100", presencePenalty);
    require(
        Math.abs(frequencyPenalty) <= 100, "frequency_penalty", "-100 to 100", frequencyPenalty);
    require(n >= 1 && n <= N_MAX, "n", "1 to " + N_MAX, n);
    require(
        logprobs == null || (logprobs >= 0 && logprobs <= LOGPROBS_MAX),
        "logprobs",
        "0 to " + LOGPROBS_MAX,
        logprobs);
    require(
        promptLogprobs == null || (promptLogprobs >= 0 && promptLogprobs <= LOGPROBS_MAX),
        "prompt_logprobs",
        "0 to " + LOGPROBS_MAX,
        promptLogprobs);
    for (Map.Entry<Integer, Double> bias : logitBias.entrySet()) {
      require(
          bias.getKey() >= 0 && !bias.getValue().isNaN(),
          "logit_bias",
          "token ids from 0 and numbers",
          bias);
    }
    require(stop.stream().noneMatch(String::isEmpty), "stop", "texts that are not empty", stop);
    require(
        badWords.stream().noneMatch(String::isEmpty),
        "bad_words",
        "texts that are not empty",
        badWords);
  }

  private static void require(boolean holds, String field, String expected, Object found) {
    if (!holds) {
      throw new IllegalArgumentException(
          field + ": expected " + expected + ", found " + found + "; correct it");
    }
  }

  /** Greedy, at most 256 tokens, one choice. */
  public static SamplingSettings greedy() {
    return builder().build();
  }

  public static Builder builder() {
    return new Builder();
  }

  public Builder toBuilder() {
    return new Builder(this);
  }

  @JsonIgnore
  public boolean isGreedy() {
    return temperature == 0;
  }

  /** Whether the same prompt gives the same answer whatever the request id: greedy, or seeded. */
  @JsonIgnore
  public boolean isDeterministic() {
    return isGreedy() || seed != null;
  }

  /** Collects settings; starts from greedy defaults. */
  public static final class Builder {
    private int maxTokens = 256;
    private int minTokens;
    private double temperature;
    private int topK;
    private double topP = 1;
    private double minP;
    private double repetitionPenalty = 1;
    private double presencePenalty;
    private double frequencyPenalty;
    private Map<Integer, Double> logitBias = Map.of();
    private List<String> badWords = List.of();
    private List<String> stop = List.of();
    private List<Integer> stopTokenIds = List.of();
    private boolean includeStop;
    private boolean ignoreEos;
    private boolean skipSpecialTokens = true;
    private Long seed;
    private int n = 1;
    private Integer logprobs;
    private Integer promptLogprobs;

    private Builder() {}

    private Builder(SamplingSettings from) {
      maxTokens = from.maxTokens;
      minTokens = from.minTokens;
      temperature = from.temperature;
      topK = from.topK;
      topP = from.topP;
      minP = from.minP;
      repetitionPenalty = from.repetitionPenalty;
      presencePenalty = from.presencePenalty;
      frequencyPenalty = from.frequencyPenalty;
      logitBias = from.logitBias;
      badWords = from.badWords;
      stop = from.stop;
      stopTokenIds = from.stopTokenIds;
      includeStop = from.includeStop;
      ignoreEos = from.ignoreEos;
      skipSpecialTokens = from.skipSpecialTokens;
      seed = from.seed;
      n = from.n;
      logprobs = from.logprobs;
      promptLogprobs = from.promptLogprobs;
    }

    public Builder maxTokens(int value) {
      maxTokens = value;
      return this;
    }

    public Builder minTokens(int value) {
      minTokens = value;
      return this;
    }

    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    public Builder topK(int value) {
      topK = value;
      return this;
    }

    public Builder topP(double value) {
      topP = value;
      return this;
    }

    public Builder minP(double value) {
      minP = value;
      return this;
    }

    public Builder repetitionPenalty(double value) {
      repetitionPenalty = value;
      return this;
    }

    public Builder presencePenalty(double value) {
      presencePenalty = value;
      return this;
    }

    public Builder frequencyPenalty(double value) {
      frequencyPenalty = value;
      return this;
    }

    public Builder logitBias(Map<Integer, Double> value) {
      logitBias = value;
      return this;
    }

    public Builder badWords(List<String> value) {
      badWords = value;
      return this;
    }

    public Builder stop(List<String> value) {
      stop = value;
      return this;
    }

    public Builder stopTokenIds(List<Integer> value) {
      stopTokenIds = value;
      return this;
    }

    public Builder includeStop(boolean value) {
      includeStop = value;
      return this;
    }

    public Builder ignoreEos(boolean value) {
      ignoreEos = value;
      return this;
    }

    public Builder skipSpecialTokens(boolean value) {
      skipSpecialTokens = value;
      return this;
    }

    public Builder seed(Long value) {
      seed = value;
      return this;
    }

    public Builder n(int value) {
      n = value;
      return this;
    }

    public Builder logprobs(Integer value) {
      logprobs = value;
      return this;
    }

    public Builder promptLogprobs(Integer value) {
      promptLogprobs = value;
      return this;
    }

    /**
     * Checks and returns the settings.
     *
     * @throws IllegalArgumentException naming the field, what is allowed and what was found
     */
    public SamplingSettings build() {
      return new SamplingSettings(
          maxTokens,
          minTokens,
          temperature,
          topK,
          topP,
          minP,
          repetitionPenalty,
          presencePenalty,
          frequencyPenalty,
          logitBias,
          badWords,
          stop,
          stopTokenIds,
          includeStop,
          ignoreEos,
          skipSpecialTokens,
          seed,
          n,
          logprobs,
          promptLogprobs);
    }
  }
}
