package dev.millrace.pipeline.prompt;

import static java.util.Comparator.comparing;
import static java.util.Comparator.naturalOrder;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Sampling settings by their usual names, as columns, structs and OpenAI bodies hold them. A null
 * value leaves the setting as it is.
 */
final class SamplingOverrides {
  private static final Map<String, Setter> SETTERS = new TreeMap<>();

  /** Win over other names of their setting; of those, the last of the alphabet does. */
  private static final Set<String> WINNERS =
      Set.of("max_completion_tokens", "top_logprobs", "include_stop");

  static {
    for (String name : List.of("max_tokens", "max_completion_tokens", "max_new_tokens")) {
      SETTERS.put(name, (b, v) -> b.maxTokens(integer(v)));
    }
    SETTERS.put("min_tokens", (b, v) -> b.minTokens(integer(v)));
    SETTERS.put("temperature", (b, v) -> b.temperature(number(v)));
    SETTERS.put("top_k", (b, v) -> b.topK(Math.max(0, integer(v)))); // -1 also means off
    SETTERS.put("top_p", (b, v) -> b.topP(number(v)));
    SETTERS.put("min_p", (b, v) -> b.minP(number(v)));
    SETTERS.put("repetition_penalty", (b, v) -> b.repetitionPenalty(number(v)));
    SETTERS.put("presence_penalty", (b, v) -> b.presencePenalty(number(v)));
    SETTERS.put("frequency_penalty", (b, v) -> b.frequencyPenalty(number(v)));
    SETTERS.put("logit_bias", (b, v) -> b.logitBias(bias(v)));
    SETTERS.put("bad_words", (b, v) -> b.badWords(texts(v)));
    SETTERS.put("stop", (b, v) -> b.stop(texts(v)));
    SETTERS.put("stop_token_ids", (b, v) -> b.stopTokenIds(integers(v)));
    SETTERS.put("include_stop", (b, v) -> b.includeStop(truth(v)));
    SETTERS.put("include_stop_str_in_output", (b, v) -> b.includeStop(truth(v)));
    SETTERS.put("ignore_eos", (b, v) -> b.ignoreEos(truth(v)));
    SETTERS.put("skip_special_tokens", (b, v) -> b.skipSpecialTokens(truth(v)));
    SETTERS.put("seed", (b, v) -> b.seed(whole(v)));
    SETTERS.put("n", (b, v) -> b.n(integer(v)));
    SETTERS.put("logprobs", SamplingOverrides::logprobs); // true and false: below
    SETTERS.put("top_logprobs", (b, v) -> b.logprobs(integer(v)));
    SETTERS.put("prompt_logprobs", (b, v) -> b.promptLogprobs(integer(v)));
  }

  private SamplingOverrides() {}

  private interface Setter {
    void set(SamplingSettings.Builder builder, Object value);
  }

  static boolean isKnown(String name) {
    return SETTERS.containsKey(name);
  }

  static String names() {
    return String.join(", ", new TreeSet<>(SETTERS.keySet()));
  }

  /**
   * Settings with some of them changed. Where a setting is given by several names, {@code
   * max_completion_tokens}, {@code top_logprobs} and {@code include_stop} win.
   *
   * @throws RequestException if a name is unknown or a value out of range
   */
  static SamplingSettings apply(SamplingSettings base, Map<String, Object> values)
      throws RequestException {
    if (values.values().stream().allMatch(v -> v == null)) {
      return base;
    }
    SamplingSettings.Builder builder = base.toBuilder();
    List<String> names = new ArrayList<>(values.keySet());
    // keys have no order
    names.sort(comparing((String name) -> WINNERS.contains(name)).thenComparing(naturalOrder()));
    for (String name : names) {
      set(builder, name, values.get(name));
    }
    switchLogprobs(builder, base, values);
    try {
      return builder.build();
    } catch (IllegalArgumentException e) {
      throw new RequestException(FailureReason.SETTINGS_INVALID, e.getMessage());
    }
  }

  private static void set(SamplingSettings.Builder builder, String name, Object value)
      throws RequestException {
    Setter setter = SETTERS.get(name);
    if (setter == null) {
      throw new RequestException(
          FailureReason.SETTINGS_INVALID,
          "expected a sampling setting, found " + name + "; the settings are " + names());
    }
    if (value == null) {
      return;
    }
    try {
      setter.set(builder, value);
    } catch (IllegalArgumentException | ArithmeticException | NullPointerException e) {
      throw new RequestException(
          FailureReason.SETTINGS_INVALID, name + ": " + e.getMessage() + "; correct it");
    }
  }

  private static void logprobs(SamplingSettings.Builder builder, Object value) {
    if (!(value instanceof Boolean)) {
      builder.logprobs(integer(value));
    }
  }

  /** OpenAI's switch beside {@code top_logprobs}: after all others. */
  private static void switchLogprobs(
      SamplingSettings.Builder builder, SamplingSettings base, Map<String, Object> values) {
    if (!(values.get("logprobs") instanceof Boolean on)) {
      return;
    }
    if (!on) {
      builder.logprobs(null);
    } else if (values.get("top_logprobs") == null && base.logprobs() == null) {
      builder.logprobs(0);
    }
  }

  private static IllegalArgumentException expected(String what, Object found) {
    return new IllegalArgumentException("expected " + what + ", found " + found);
  }

  private static double number(Object value) {
    if (value instanceof Float single) {
      return Double.parseDouble(single.toString()); // 0.7f is meant as 0.7
    }
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw expected("a number", value);
  }

  private static long whole(Object value) {
    if (value instanceof Long whole) {
      return whole;
    }
    if (value instanceof Number number) {
      return new BigDecimal(number.toString()).longValueExact();
    }
    throw expected("a whole number", value);
  }

  private static int integer(Object value) {
    return Math.toIntExact(whole(value));
  }

  private static boolean truth(Object value) {
    if (value instanceof Boolean truth) {
      return truth;
    }
    throw expected("true or false", value);
  }

  private static List<String> texts(Object value) {
    if (value instanceof String text) {
      return List.of(text);
    }
    if (value instanceof List<?> list && list.stream().allMatch(e -> e instanceof String)) {
      return list.stream().map(e -> (String) e).toList();
    }
    throw expected("a text or a list of texts", value);
  }

  private static List<Integer> integers(Object value) {
    if (value instanceof List<?> list) {
      return list.stream().map(SamplingOverrides::integer).toList();
    }
    throw expected("a list of token ids", value);
  }

  private static Map<Integer, Double> bias(Object value) {
    Map<Integer, Double> bias = new TreeMap<>();
    if (value instanceof Map<?, ?> map) {
      map.forEach((k, v) -> bias.put(Integer.valueOf(k.toString()), number(v)));
      return bias;
    }
    if (value instanceof List<?> entries) { // a map column
      for (Object entry : new ArrayList<>(entries)) {
        if (!(entry instanceof Map<?, ?> pair) || !pair.containsKey("key")) {
          throw expected("token ids with numbers", value);
        }
        bias.put(Integer.valueOf(pair.get("key").toString()), number(pair.get("value")));
      }
      return bias;
    }
    throw expected("token ids with numbers", value);
  }
}
