package dev.millrace.pipeline.prompt;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Builds the request of each row of one file. Thread-safe. */
public final class RequestBuilder {
  private final RowMapping mapping;
  private final String systemPrompt;
  private final boolean rawPrompt;
  private final SamplingSettings sampling;

  public RequestBuilder(JobSettings settings, RowMapping mapping) {
    this.mapping = mapping;
    this.systemPrompt = settings.systemPrompt();
    this.rawPrompt = settings.rawPrompt();
    this.sampling = settings.sampling();
  }

  /**
   * Builds a request.
   *
   * @param row the row
   * @param defaultId its id where no column names one
   * @throws RequestException if the row cannot be served, with the reason
   */
  public RowRequest build(Row row, String defaultId) throws RequestException {
    try {
      return mapping.kind() == RowMapping.Kind.OPENAI ? openai(row) : table(row, defaultId);
    } catch (Row.InvalidRowException e) {
      throw new RequestException(FailureReason.ROW_INVALID, e.getMessage());
    }
  }

  private RowRequest openai(Row row) throws RequestException, Row.InvalidRowException {
    Object id = row.value("custom_id");
    if (!(id instanceof String text) || text.isEmpty()) {
      throw new RequestException(
          FailureReason.ROW_INVALID,
          "custom_id: expected text, found " + PromptValues.kind(id) + "; name the request");
    }
    return OpenAiBody.request(text, row.value("url"), row.value("body"), systemPrompt, sampling);
  }

  private RowRequest table(Row row, String defaultId)
      throws RequestException, Row.InvalidRowException {
    Object cell = row.value(mapping.prompt());
    Prompt prompt =
        switch (mapping.kind()) {
          case TEXT -> textPrompt(cell);
          case MESSAGES -> PromptValues.chat(cell, systemPrompt, mapping.prompt());
          case TOKENS -> PromptValues.tokens(cell, mapping.prompt());
          case OPENAI -> throw new IllegalStateException("handled apart");
        };
    String continuation = null;
    if (mapping.continuation() != null) {
      continuation = PromptValues.text(row.value(mapping.continuation()), mapping.continuation());
    }
    return new RowRequest(id(row, defaultId), prompt, continuation, settings(row));
  }

  private Prompt textPrompt(Object cell) throws RequestException {
    String text = PromptValues.text(cell, mapping.prompt());
    if (rawPrompt) {
      return new Prompt.Text(text);
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (systemPrompt != null) {
      messages.add(new ChatMessage("system", systemPrompt));
    }
    messages.add(new ChatMessage("user", text));
    return new Prompt.Chat(messages);
  }

  private String id(Row row, String defaultId) throws RequestException, Row.InvalidRowException {
    if (mapping.id() == null) {
      return defaultId;
    }
    Object id = row.value(mapping.id());
    if (id instanceof String || id instanceof Long) {
      return id.toString();
    }
    throw new RequestException(
        FailureReason.ROW_INVALID,
        "expected an id (text or whole number), found "
            + PromptValues.kind(id)
            + " (column="
            + mapping.id()
            + ")");
  }

  private SamplingSettings settings(Row row) throws RequestException, Row.InvalidRowException {
    SamplingSettings settings = sampling;
    if (mapping.settings() != null) {
      settings = SamplingOverrides.apply(settings, struct(row.value(mapping.settings())));
    }
    if (!mapping.overrides().isEmpty()) {
      Map<String, Object> values = new LinkedHashMap<>();
      for (Map.Entry<String, String> override : mapping.overrides().entrySet()) {
        values.put(override.getKey(), row.value(override.getValue()));
      }
      settings = SamplingOverrides.apply(settings, values);
    }
    return settings;
  }

  private Map<String, Object> struct(Object cell) throws RequestException {
    Object value = cell;
    if (cell instanceof String json) {
      try {
        value = JsonRow.parseText(json);
      } catch (Row.InvalidRowException e) {
        throw settingsInvalid(e.getMessage());
      }
    }
    if (value == null) {
      return Map.of();
    }
    if (!(value instanceof Map<?, ?> fields)) {
      throw settingsInvalid("expected an object, found " + PromptValues.kind(value));
    }
    Map<String, Object> named = new LinkedHashMap<>();
    fields.forEach((name, field) -> named.put((String) name, field));
    return named;
  }

  private RequestException settingsInvalid(String what) {
    return new RequestException(
        FailureReason.SETTINGS_INVALID, what + " (column=" + mapping.settings() + ")");
  }
}
