package dev.millrace.jobs.model;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.converter.TextCheck;
import dev.millrace.engine.text.MalformedTokenizerException;
import dev.millrace.engine.text.TextCodec;
import dev.millrace.engine.text.TextSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Loads a checkpoint's tokenizer and compiles and tries its chat template with the engine's own
 * code before any weight is converted, so that a job never meets a model whose text it cannot read.
 */
public final class TemplateTrial implements TextCheck {
  /** Any: the trial only asks whether texts pass. */
  private static final int CONTEXT_TOKENS = 1 << 20;

  private static final String PROBE = "Say \"hello\" 3 times, please: caf\u00e9, \u6f22\u5b57.\n";
  private static final ChatMessage SYSTEM = new ChatMessage("system", "Answer briefly.");
  private static final ChatMessage USER = new ChatMessage("user", PROBE);
  private static final ChatMessage ASSISTANT = new ChatMessage("assistant", "Hello.");

  @Override
  public List<String> check(Path textFolder, int vocabularySize) throws IOException {
    if (!Files.isRegularFile(textFolder.resolve("tokenizer.json"))) {
      return List.of(); // the conversion itself remarks on that
    }
    TextCodec codec =
        TextCodec.load(textFolder, TextSettings.defaults(), CONTEXT_TOKENS, vocabularySize);
    List<String> remarks = new ArrayList<>();
    try {
      codec.encode(new Prompt.Text(PROBE));
    } catch (RequestException e) {
      throw new MalformedTokenizerException(
          textFolder.toString(), "the tokenizer refuses a plain text: " + e.getMessage(), e);
    }
    if (refusal(codec, USER) != null) {
      remarks.add(
          "Chat template: refuses a single user turn ("
              + refusal(codec, USER)
              + "); prompts will be given as they are with --raw-prompt, and messages will fail.");
      return remarks;
    }
    remark(remarks, "a system message", refusal(codec, SYSTEM, USER));
    remark(remarks, "several turns", refusal(codec, USER, ASSISTANT, USER));
    return remarks;
  }

  private static void remark(List<String> remarks, String what, String refusal) {
    if (refusal != null) {
      remarks.add(
          "Chat template: does not take " + what + " (" + refusal + "); such rows will fail.");
    }
  }

  /** Why the template does not take a conversation, or null if it does. */
  private static String refusal(TextCodec codec, ChatMessage... messages) {
    try {
      codec.encode(new Prompt.Chat(List.of(messages)));
      return null;
    } catch (RequestException e) {
      return e.failure().message();
    }
  }
}
