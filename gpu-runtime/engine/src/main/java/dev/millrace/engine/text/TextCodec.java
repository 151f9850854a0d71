package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.engine.text.taint.TaintedText;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A model's text side: prompts to token ids through its tokenizer and chat template. Immutable and
 * thread-safe.
 */
public final class TextCodec implements PromptEncoder {
  private final Tokenizer tokenizer;
  private final Optional<ChatTemplate> chatTemplate;
  private final TextSettings settings;
  private final int contextTokensMax;
  private final int vocabularySize;

  /**
   * @param chatTemplate null if the model has none: conversations are refused then
   * @param contextTokensMax most tokens of prompt and output together
   * @param vocabularySize rows of the model's embedding table; ids are below it
   * @throws IllegalArgumentException if the tokenizer has an id that the model has no row for
   */
  public TextCodec(
      Tokenizer tokenizer,
      ChatTemplate chatTemplate,
      TextSettings settings,
      int contextTokensMax,
      int vocabularySize) {
    if (contextTokensMax < 1) {
      throw new IllegalArgumentException(
          "the context holds 1 token at least, found " + contextTokensMax);
    }
    if (tokenizer.vocabularySize() > vocabularySize) {
      throw new IllegalArgumentException(
          "the tokenizer has ids up to "
              + (tokenizer.vocabularySize() - 1)
              + ", but the model has rows for "
              + vocabularySize
              + "; they belong to different models, or vocab_size is wrong");
    }
    this.tokenizer = tokenizer;
    this.chatTemplate = Optional.ofNullable(chatTemplate);
    this.settings = settings;
    this.contextTokensMax = contextTokensMax;
    this.vocabularySize = vocabularySize;
  }

  /**
   * Reads {@code tokenizer.json} from a directory, with {@code tokenizer_config.json} and the chat
   * template where there are such: {@code chat_template.jinja} before the one in {@code
   * tokenizer_config.json} before {@code chat_template.json}.
   *
   * @throws MalformedTokenizerException if a file is broken, asks for anything not supported, or
   *     the template the settings name is not there though others are
   */
  public static TextCodec load(
      Path directory, TextSettings settings, int contextTokensMax, int vocabularySize)
      throws IOException {
    Path configFile = directory.resolve("tokenizer_config.json");
    TokenizerConfig config =
        Files.exists(configFile) ? TokenizerConfig.load(configFile) : TokenizerConfig.EMPTY;
    Tokenizer tokenizer = Tokenizer.load(directory.resolve("tokenizer.json"), config);
    Map<String, String> templates = templates(directory, config);
    String source = templates.get(settings.templateName());
    if (source == null && !templates.isEmpty()) {
      throw new MalformedTokenizerException(
          directory.toString(),
          "the model has no chat template '"
              + settings.templateName()
              + "', only "
              + templates.keySet());
    }
    ChatTemplate template =
        source == null ? null : ChatTemplate.compile(source, config, settings.clock());
    try {
      return new TextCodec(tokenizer, template, settings, contextTokensMax, vocabularySize);
    } catch (IllegalArgumentException e) {
      throw new MalformedTokenizerException(directory.toString(), e.getMessage(), e);
    }
  }

  private static Map<String, String> templates(Path directory, TokenizerConfig config)
      throws IOException {
    Map<String, String> templates = new LinkedHashMap<>();
    Path json = directory.resolve("chat_template.json");
    if (Files.exists(json)) {
      JsonNode source = new ObjectMapper().readTree(Files.readAllBytes(json));
      if (!source.path("chat_template").isTextual()) {
        throw new MalformedTokenizerException(
            json.toString(), "expected a string in 'chat_template'");
      }
      templates.put(TokenizerConfig.DEFAULT_TEMPLATE, source.path("chat_template").textValue());
    }
    templates.putAll(config.chatTemplates());
    Path jinja = directory.resolve("chat_template.jinja");
    if (Files.exists(jinja)) {
      try {
        templates.put(TokenizerConfig.DEFAULT_TEMPLATE, Files.readString(jinja));
      } catch (CharacterCodingException e) {
        throw new MalformedTokenizerException(jinja.toString(), "not UTF-8", e);
      }
    }
    return templates;
  }

  @Override
  public int[] encode(Prompt prompt) throws RequestException {
    int[] ids;
    if (prompt instanceof Prompt.Text text) {
      ids = tokenizer.withModelTokens(tokenizer.encode(text.text(), settings.parseSpecialTokens()));
    } else if (prompt instanceof Prompt.Chat chat) {
      ids = tokenizer.encode(rendered(chat));
    } else {
      ids = checked(((Prompt.Tokens) prompt).tokenIds());
    }
    if (ids.length == 0) {
      throw new RequestException(
          FailureReason.PROMPT_EMPTY, "the prompt has no token; give it some text");
    }
    return ids;
  }

  /**
   * Ids of what comes after a prompt: nothing is put around it, and it may be empty.
   *
   * @throws RequestException if the text is not valid or an id is outside the vocabulary
   * @throws IllegalArgumentException if it is a conversation
   */
  public int[] encodeContinuation(Prompt continuation) throws RequestException {
    if (continuation instanceof Prompt.Text text) {
      return tokenizer.encode(text.text(), settings.parseSpecialTokens());
    }
    if (continuation instanceof Prompt.Tokens tokens) {
      return checked(tokens.tokenIds());
    }
    throw new IllegalArgumentException("a continuation is text or token ids, found a conversation");
  }

  /**
   * The text of a conversation as the model gets it, with a prompt for its answer.
   *
   * @throws RequestException if the model has no chat template or it refuses the messages
   */
  public TaintedText render(Prompt.Chat chat) throws RequestException {
    ChatTemplate template =
        chatTemplate.orElseThrow(
            () ->
                new RequestException(
                    FailureReason.MESSAGES_INVALID,
                    "the model has no chat template; give plain prompts instead of messages"));
    return template.render(chat.messages(), true, settings.templateVariables());
  }

  private TaintedText rendered(Prompt.Chat chat) throws RequestException {
    TaintedText text = render(chat);
    return settings.parseSpecialTokens() ? TaintedText.trusted(text.text()) : text;
  }

  private int[] checked(int[] tokenIds) throws RequestException {
    for (int i = 0; i < tokenIds.length; i++) {
      if (tokenIds[i] < 0 || tokenIds[i] >= vocabularySize) {
        throw new RequestException(
            FailureReason.PROMPT_INVALID,
            "token ids are 0 to "
                + (vocabularySize - 1)
                + ", found "
                + tokenIds[i]
                + " at position "
                + i);
      }
    }
    return tokenIds;
  }

  @Override
  public int contextTokensMax() {
    return contextTokensMax;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public Optional<ChatTemplate> chatTemplate() {
    return chatTemplate;
  }

  /** Rows of the model's embedding table. */
  public int vocabularySize() {
    return vocabularySize;
  }
}
