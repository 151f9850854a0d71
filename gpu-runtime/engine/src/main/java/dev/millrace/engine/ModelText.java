package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.text.StreamingDecoder;
import dev.millrace.engine.text.TextCodec;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.engine.text.Tokenizer;
import java.io.IOException;

/** {@link EngineText} of a workspace: its tokenizer and its chat template. */
final class ModelText implements EngineText {
  private final TextCodec codec;
  private final Tokenizer tokenizer;

  private ModelText(TextCodec codec) {
    this.codec = codec;
    this.tokenizer = codec.tokenizer();
  }

  /**
   * Reads tokenizer and template.
   *
   * @throws EngineException if a file is missing or broken
   */
  static ModelText open(Workspace workspace, TextSettings settings, int contextTokensMax) {
    try {
      return new ModelText(
          TextCodec.load(
              workspace.path().resolve(Workspace.TEXT_FOLDER),
              settings,
              contextTokensMax,
              workspace.manifest().shape().vocabularySize()));
    } catch (IOException e) {
      throw new EngineException(
          "the text files of the workspace cannot be read: %s (workspace=%s)"
              .formatted(e.getMessage(), workspace.path()),
          e);
    }
  }

  @Override
  public int[] encode(Prompt prompt) throws RequestException {
    return codec.encode(prompt);
  }

  @Override
  public int[] encodeContinuation(Prompt continuation) throws RequestException {
    return codec.encodeContinuation(continuation);
  }

  @Override
  public int[] encodePlain(String text, boolean parseSpecial) throws RequestException {
    return tokenizer.encode(text, parseSpecial);
  }

  @Override
  public int contextTokensMax() {
    return codec.contextTokensMax();
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
