package dev.millrace.pipeline.prompt;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The {@code body} of an OpenAI batch line: chat completions and completions. The model named in it
 * is not looked at: a job runs one model. What would change the answer and is not supported (tools,
 * response formats) is refused, not ignored.
 */
final class OpenAiBody {
  private static final Set<String> IGNORED =
      Set.of(
          "model",
          "messages",
          "prompt",
          "user",
          "metadata",
          "store",
          "service_tier",
          "stream",
          "stream_options",
          "safety_identifier",
          "prompt_cache_key",
          "parallel_tool_calls");

  private OpenAiBody() {}

  static RowRequest request(
      String id, Object url, Object body, String systemPrompt, SamplingSettings sampling)
      throws RequestException {
    if (!(body instanceof Map<?, ?> fields)) {
      throw new RequestException(
          FailureReason.ROW_INVALID, "body: expected an object, found " + PromptValues.kind(body));
    }
    if (url instanceof String path && !path.endsWith("/completions")) {
      throw new RequestException(
          FailureReason.ROW_INVALID,
          "url: expected /v1/chat/completions or /v1/completions, found " + path);
    }
    Prompt prompt =
        fields.containsKey("messages")
            ? PromptValues.chat(fields.get("messages"), systemPrompt, "body.messages")
            : completion(fields.get("prompt"));
    return new RowRequest(id, prompt, null, SamplingOverrides.apply(sampling, settings(fields)));
  }

  private static Prompt completion(Object prompt) throws RequestException {
    boolean ids =
        prompt instanceof java.util.List<?> list
            && !list.isEmpty()
            && list.stream().allMatch(e -> e instanceof Long);
    return ids
        ? PromptValues.tokens(prompt, "body.prompt")
        : new Prompt.Text(PromptValues.text(prompt, "body.prompt"));
  }

  private static Map<String, Object> settings(Map<?, ?> fields) throws RequestException {
    Map<String, Object> settings = new LinkedHashMap<>();
    for (Map.Entry<?, ?> field : fields.entrySet()) {
      String name = (String) field.getKey();
      Object value = field.getValue();
      boolean plainText =
          name.equals("response_format")
              && value instanceof Map<?, ?> format
              && "text".equals(format.get("type"));
      if (IGNORED.contains(name) || plainText || value == null) {
        continue;
      }
      if (!SamplingOverrides.isKnown(name)) {
        throw new RequestException(
            FailureReason.SETTINGS_INVALID,
            "body." + name + ": not supported; remove it from the request");
      }
      settings.put(name, value);
    }
    return settings;
  }
}
