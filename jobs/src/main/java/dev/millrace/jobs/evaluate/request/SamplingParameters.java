package dev.millrace.jobs.evaluate.request;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.request.SamplingSettings;

/** Sampling settings under the names that rows of a job have for them; all but the defaults. */
final class SamplingParameters {
  private SamplingParameters() {}

  static ObjectNode json(SamplingSettings sampling) {
    SamplingSettings usual = SamplingSettings.greedy();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("max_tokens", sampling.maxTokens());
    put(json, "min_tokens", sampling.minTokens(), usual.minTokens());
    put(json, "temperature", sampling.temperature(), usual.temperature());
    put(json, "top_k", sampling.topK(), usual.topK());
    put(json, "top_p", sampling.topP(), usual.topP());
    put(json, "min_p", sampling.minP(), usual.minP());
    put(json, "repetition_penalty", sampling.repetitionPenalty(), usual.repetitionPenalty());
    put(json, "presence_penalty", sampling.presencePenalty(), usual.presencePenalty());
    put(json, "frequency_penalty", sampling.frequencyPenalty(), usual.frequencyPenalty());
    if (!sampling.logitBias().isEmpty()) {
      ObjectNode bias = json.putObject("logit_bias");
      sampling.logitBias().forEach((token, value) -> bias.put(token.toString(), value));
    }
    texts(json, "bad_words", sampling.badWords());
    texts(json, "stop", sampling.stop());
    if (!sampling.stopTokenIds().isEmpty()) {
      ArrayNode ids = json.putArray("stop_token_ids");
      sampling.stopTokenIds().forEach(ids::add);
    }
    flag(json, "include_stop", sampling.includeStop(), usual.includeStop());
    flag(json, "ignore_eos", sampling.ignoreEos(), usual.ignoreEos());
    flag(json, "skip_special_tokens", sampling.skipSpecialTokens(), usual.skipSpecialTokens());
    if (sampling.seed() != null) {
      json.put("seed", sampling.seed());
    }
    put(json, "n", sampling.n(), usual.n());
    if (sampling.promptLogprobs() != null) {
      json.put("prompt_logprobs", sampling.promptLogprobs());
    }
    return json;
  }

  private static void put(ObjectNode json, String name, int value, int usual) {
    if (value != usual) {
      json.put(name, value);
    }
  }

  private static void put(ObjectNode json, String name, double value, double usual) {
    if (value != usual) {
      json.put(name, value);
    }
  }

  private static void flag(ObjectNode json, String name, boolean value, boolean usual) {
    if (value != usual) {
      json.put(name, value);
    }
  }

  private static void texts(ObjectNode json, String name, java.util.List<String> values) {
    if (!values.isEmpty()) {
      ArrayNode texts = json.putArray(name);
      values.forEach(texts::add);
    }
  }
}
