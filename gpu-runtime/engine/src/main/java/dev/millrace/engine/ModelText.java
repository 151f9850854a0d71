package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.text.StreamingDecoder;
import dev.millrace.engine.text.Tokenizer;
import dev.millrace.engine.text.TokenizerConfig;
import java.io.IOException;
import java.nio.file.Path;

/** {@link TextCodec} of a workspace: its tokenizer and its chat template. */
final class ModelText implements TextCodec {
  private final Tokenizer tokenizer;
  private final int contextTokensMax;

  private ModelText(Tokenizer tokenizer, int contextTokensMax) {
    this.tokenizer = tokenizer;
    this.contextTokensMax = contextTokensMax;
  }

  /**
   * Reads tokenizer and template.
   *
   * @throws EngineException if a file is missing or broken
   */
  static ModelText open(Workspace workspace, int contextTokensMax) {
    Path folder = workspace.path().resolve(Workspace.TEXT_FOLDER);
    try {
      TokenizerConfig config =
          workspace.hasText("tokenizer_config.json")
              ? TokenizerConfig.load(folder.resolve("tokenizer_config.json"))
              : TokenizerConfig.EMPTY;
      Tokenizer tokenizer = Tokenizer.load(folder.resolve("tokenizer.json"), config);
      return new ModelText(tokenizer, contextTokensMax);
    } catch (IOException e) {
      throw new EngineException("the workspace's text files cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public int[] encode(Prompt prompt) throws RequestException {
    if (prompt instanceof Prompt.Tokens tokens) {
      return tokens.tokenIds();
    }
    if (prompt instanceof Prompt.Text text) {
      return tokenizer.withModelTokens(tokenizer.encode(text.text(), false));
    }
    throw new RequestException(FailureReason.MESSAGES_INVALID, "the model has no chat template");
  }

  @Override
  public int[] encodePlain(String text) throws RequestException {
    return tokenizer.encode(text, false);
  }

  @Override
  public int contextTokensMax() {
    return contextTokensMax;
  }

  @Override
  public String decode(int[] tokenIds, boolean skipSpecialTokens) {
    return tokenizer.decode(tokenIds, skipSpecialTokens);
  }

  @Override
  public Decoder decoder(boolean skipSpecialTokens) {
    StreamingDecoder decoder = tokenizer.streamingDecoder(skipSpecialTokens);
    return new Decoder() {
      @Override
      public String append(int tokenId) {
        return decoder.append(tokenId);
      }

      @Override
      public String finish() {
        return decoder.finish();
      }
    };
  }
}
