package dev.millrace.pipeline.write;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.store.JobDescription;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Answers as OpenAI batch response lines: {@code id}, {@code custom_id}, {@code response} with the
 * body of a (chat) completion, {@code error}. Lines depend on the request and the answer alone: ids
 * are hashes of the request and {@code created} is 0. Log-probabilities name tokens by {@code
 * token_id}, as there is no text of single tokens here.
 */
final class OpenAiResponses {
  private static final Set<FailureReason> OF_ENGINE =
      Set.of(FailureReason.ENGINE_FAILED, FailureReason.DEADLINE_EXCEEDED, FailureReason.CANCELLED);

  private final String model;

  OpenAiResponses(String model) {
    this.model = model;
  }

  void write(OutputStream out, JsonRow row, Completion answer) throws IOException {
    Map<String, Object> request;
    try {
      request = row.object();
    } catch (Row.InvalidRowException e) {
      request = Map.of(); // the answer is a failure that says so
    }
    byte[] digest = JobDescription.sha256().digest(row.line());
    String id = HexFormat.of().formatHex(digest, 0, 12);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JsonValues.generator(bytes)) {
      json.writeStartObject();
      json.writeStringField("id", "batch_req_" + id);
      json.writeFieldName("custom_id");
      JsonValues.write(json, request.get("custom_id"));
      if (answer.isFailed()) {
        error(json, answer, id);
      } else {
        response(json, request, answer, id);
      }
      json.writeEndObject();
    }
    bytes.write('\n');
    bytes.writeTo(out);
  }

  private static void error(JsonGenerator json, Completion answer, String id) throws IOException {
    FailureReason reason = answer.failure().reason();
    String code = reason.name().toLowerCase(Locale.ROOT);
    json.writeObjectFieldStart("response");
    json.writeNumberField("status_code", OF_ENGINE.contains(reason) ? 500 : 400);
    json.writeStringField("request_id", "req_" + id);
    json.writeObjectFieldStart("body");
    json.writeObjectFieldStart("error");
    json.writeStringField("message", answer.failure().message());
    json.writeStringField("type", "invalid_request_error");
    json.writeStringField("code", code);
    json.writeEndObject();
    json.writeEndObject();
    json.writeEndObject();
    json.writeObjectFieldStart("error");
    json.writeStringField("code", code);
    json.writeStringField("message", answer.failure().message());
    json.writeEndObject();
  }

  private void response(
      JsonGenerator json, Map<String, Object> request, Completion answer, String id)
      throws IOException {
    boolean chat = request.get("body") instanceof Map<?, ?> body && body.containsKey("messages");
    json.writeObjectFieldStart("response");
    json.writeNumberField("status_code", 200);
    json.writeStringField("request_id", "req_" + id);
    json.writeObjectFieldStart("body");
    json.writeStringField("id", (chat ? "chatcmpl-" : "cmpl-") + id);
    json.writeStringField("object", chat ? "chat.completion" : "text_completion");
    json.writeNumberField("created", 0);
    json.writeStringField("model", model(request));
    json.writeArrayFieldStart("choices");
    for (Choice choice : answer.choices()) {
      choice(json, choice, chat);
    }
    json.writeEndArray();
    usage(json, answer);
    json.writeStringField("system_fingerprint", fingerprint());
    json.writeEndObject();
    json.writeEndObject();
    json.writeNullField("error");
  }

  private String fingerprint() {
    byte[] digest = JobDescription.sha256().digest(model.getBytes(StandardCharsets.UTF_8));
    return "fp_" + HexFormat.of().formatHex(digest, 0, 5);
  }

  private String model(Map<String, Object> request) {
    boolean named =
        request.get("body") instanceof Map<?, ?> body && body.get("model") instanceof String;
    return named ? (String) ((Map<?, ?>) request.get("body")).get("model") : model;
  }

  private static void choice(JsonGenerator json, Choice choice, boolean chat) throws IOException {
    json.writeStartObject();
    json.writeNumberField("index", choice.index());
    if (chat) {
      json.writeObjectFieldStart("message");
      json.writeStringField("role", "assistant");
      json.writeStringField("content", choice.text());
      json.writeNullField("refusal");
      json.writeEndObject();
    } else {
      json.writeStringField("text", choice.text());
    }
    json.writeStringField("finish_reason", choice.finishReason().name().toLowerCase(Locale.ROOT));
    if (choice.logprobs().isEmpty()) {
      json.writeNullField("logprobs");
    } else {
      logprobs(json, choice.logprobs());
    }
    json.writeEndObject();
  }

  private static void logprobs(JsonGenerator json, List<TokenLogprob> logprobs) throws IOException {
    json.writeObjectFieldStart("logprobs");
    json.writeFieldName("content");
    JsonValues.write(json, AnswerColumns.logprobs(logprobs));
    json.writeEndObject();
  }

  private static void usage(JsonGenerator json, Completion answer) throws IOException {
    int prompt = answer.usage().promptTokens();
    int output = answer.usage().outputTokens();
    json.writeObjectFieldStart("usage");
    json.writeNumberField("prompt_tokens", prompt);
    json.writeNumberField("completion_tokens", output);
    json.writeNumberField("total_tokens", prompt + output);
    json.writeObjectFieldStart("prompt_tokens_details");
    json.writeNumberField("cached_tokens", answer.usage().cachedTokens());
    json.writeEndObject();
    json.writeEndObject();
  }
}
