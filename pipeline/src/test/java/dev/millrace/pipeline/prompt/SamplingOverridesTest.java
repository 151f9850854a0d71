package dev.millrace.pipeline.prompt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class SamplingOverridesTest {
  private static SamplingSettings apply(List<String> order, Map<String, Object> values)
      throws RequestException {
    Map<String, Object> ordered = new LinkedHashMap<>();
    order.forEach(name -> ordered.put(name, values.get(name)));
    return SamplingOverrides.apply(SamplingSettings.greedy(), ordered);
  }

  @Test
  void theOrderOfKeysDoesNotMatter() throws RequestException {
    Map<String, Object> values = Map.of("min_tokens", 300, "logprobs", true, "max_tokens", 400);
    SamplingSettings expected =
        SamplingSettings.builder().maxTokens(400).minTokens(300).logprobs(0).build();
    for (List<String> order :
        List.of(
            List.of("min_tokens", "logprobs", "max_tokens"),
            List.of("min_tokens", "max_tokens", "logprobs"),
            List.of("logprobs", "min_tokens", "max_tokens"),
            List.of("logprobs", "max_tokens", "min_tokens"),
            List.of("max_tokens", "min_tokens", "logprobs"),
            List.of("max_tokens", "logprobs", "min_tokens"))) {
      assertEquals(expected, apply(order, values), order.toString());
    }
  }

  @Test
  void logprobsSwitchesTopLogprobsOnAndOffInEitherOrder() throws RequestException {
    for (List<String> order :
        List.of(List.of("logprobs", "top_logprobs"), List.of("top_logprobs", "logprobs"))) {
      assertNull(apply(order, Map.of("logprobs", false, "top_logprobs", 5)).logprobs());
      assertEquals(5, apply(order, Map.of("logprobs", true, "top_logprobs", 5)).logprobs());
      assertEquals(0, apply(order, Map.of("logprobs", true)).logprobs());
    }
  }

  @Test
  void oneNameOfASettingWinsInEitherOrder() throws RequestException {
    Map<String, Object> values =
        Map.of("logprobs", 1, "top_logprobs", 5, "max_tokens", 7, "max_completion_tokens", 9);
    SamplingSettings expected = SamplingSettings.builder().maxTokens(9).logprobs(5).build();
    List<String> names = List.of("logprobs", "top_logprobs", "max_tokens", "max_completion_tokens");
    List<String> reversed = new ArrayList<>(names);
    Collections.reverse(reversed);

    assertEquals(expected, apply(names, values));
    assertEquals(expected, apply(reversed, values));
    assertEquals(
        apply(
            List.of("max_tokens", "max_new_tokens"), Map.of("max_tokens", 3, "max_new_tokens", 4)),
        apply(
            List.of("max_new_tokens", "max_tokens"), Map.of("max_tokens", 3, "max_new_tokens", 4)));
  }

  @Test
  void logprobsLeavesTheAlternativesThatTheJobAsksFor() throws RequestException {
    SamplingSettings job = SamplingSettings.builder().logprobs(3).build();

    assertEquals(job, SamplingOverrides.apply(job, Map.of("logprobs", true)));
    assertNull(SamplingOverrides.apply(job, Map.of("logprobs", false)).logprobs());
  }
}
