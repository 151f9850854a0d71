package dev.millrace.engine.text;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestException;
import dev.millrace.engine.text.jinja.Template;
import dev.millrace.engine.text.jinja.TemplateSyntaxException;
import dev.millrace.engine.text.jinja.value.DataValues;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.taint.TaintedText;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A model's chat template: turns a conversation into the text the model was trained on, as
 * transformers' {@code apply_chat_template} does. What messages say is data: it is never evaluated,
 * and stays marked, so that no special token is read out of it. Immutable and thread-safe.
 */
public final class ChatTemplate {
  private final Template template;
  private final Map<String, Object> constants;
  private final Clock clock;

  private ChatTemplate(Template template, Map<String, Object> constants, Clock clock) {
    this.template = template;
    this.constants = constants;
    this.clock = clock;
  }

  /**
   * Compiles a template.
   *
   * @param source what {@code chat_template} holds
   * @param config names the special tokens the template may write
   * @param clock what a template that writes the date is told
   * @throws MalformedTokenizerException if it is broken or uses what is not supported, with line
   *     and column
   */
  public static ChatTemplate compile(String source, TokenizerConfig config, Clock clock)
      throws MalformedTokenizerException {
    Map<String, Object> constants = new HashMap<>();
    config.namedTokens().forEach((role, token) -> constants.put(role, TaintedText.trusted(token)));
    if (!config.additionalSpecialTokens().isEmpty()) {
      List<Object> tokens = new ArrayList<>();
      config.additionalSpecialTokens().forEach(token -> tokens.add(TaintedText.trusted(token)));
      constants.put("additional_special_tokens", Sequence.list(tokens));
    }
    constants.put("tools", None.NONE);
    constants.put("documents", None.NONE);
    try {
      return new ChatTemplate(Template.compile(source), constants, clock);
    } catch (TemplateSyntaxException e) {
      throw new MalformedTokenizerException("chat template", e.getMessage(), e);
    }
  }

  /**
   * Renders a conversation of plain text.
   *
   * @throws RequestException {@code MESSAGES_INVALID} if the template refuses it
   */
  public TaintedText render(
      List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, ?> variables)
      throws RequestException {
    List<Map<String, Object>> data = new ArrayList<>(messages.size());
    for (ChatMessage message : messages) {
      Map<String, Object> fields = new java.util.LinkedHashMap<>();
      fields.put("role", message.role());
      fields.put("content", message.content());
      data.add(fields);
    }
    return renderData(data, addGenerationPrompt, variables);
  }

  /**
   * Renders a conversation whose messages may hold more than text (tool calls, say).
   *
   * @param messages maps by string of null, text, booleans, numbers, lists and maps
   * @param variables what the template sees besides, of the same kinds ({@code tools}, {@code
   *     enable_thinking}); data too
   * @throws RequestException {@code MESSAGES_INVALID} if the template refuses it
   */
  public TaintedText renderData(
      List<? extends Map<String, ?>> messages,
      boolean addGenerationPrompt,
      Map<String, ?> variables)
      throws RequestException {
    try {
      Map<String, Object> all = new HashMap<>(constants);
      for (Map.Entry<String, ?> variable : variables.entrySet()) {
        all.put(variable.getKey(), DataValues.of(variable.getValue()));
      }
      all.put("messages", DataValues.of(messages));
      all.put("add_generation_prompt", addGenerationPrompt);
      return template.render(all, () -> ZonedDateTime.now(clock));
    } catch (TemplateException e) {
      RequestException refused =
          new RequestException(
              FailureReason.MESSAGES_INVALID,
              "the chat template refuses the messages: " + e.getMessage());
      refused.initCause(e);
      throw refused;
    }
  }
}
