package dev.millrace.engine.text;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestException;
import dev.millrace.engine.text.bpe.BytePairModel;
import dev.millrace.engine.text.bpe.TokenBuffer;
import dev.millrace.engine.text.split.PreTokenizer;
import dev.millrace.engine.text.split.TextNormalizer;
import dev.millrace.engine.text.taint.TaintedText;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * A byte-pair tokenizer as a Hugging Face {@code tokenizer.json} describes it: text to ids and
 * back, with the ids that the tokenizers library gives. Immutable and thread-safe.
 *
 * <p>Special and other added tokens are read from trusted text only. Text that no special token is
 * spelled in gives the same ids whether it is trusted or not.
 */
public final class Tokenizer {
  private final BytePairModel model;
  private final PreTokenizer preTokenizer;
  private final TextNormalizer normalizer;
  private final AddedTokens rawTokens;
  private final AddedTokens normalizedTokens;
  private final TokenDecoder decoder;
  private final TokenTable tokens;
  private final int[] prefix;
  private final int[] suffix;

  Tokenizer(TokenizerParts parts) {
    model = parts.model();
    preTokenizer = parts.preTokenizer();
    normalizer = parts.normalizer();
    prefix = parts.prefix();
    suffix = parts.suffix();
    tokens = parts.tokens();
    decoder = parts.decoder();
    List<AddedToken> raw = new ArrayList<>();
    List<AddedToken> normalized = new ArrayList<>();
    for (AddedToken token : parts.addedTokens()) {
      (token.normalized() ? normalized : raw).add(token);
    }
    rawTokens = new AddedTokens(raw, raw.stream().map(AddedToken::content).toList());
    normalizedTokens =
        new AddedTokens(
            normalized,
            normalized.stream()
                .map(t -> normalizer.apply(TaintedText.trusted(t.content())).text())
                .toList());
  }

  /**
   * Reads a {@code tokenizer.json}.
   *
   * @throws MalformedTokenizerException if the file is broken or asks for anything not supported
   */
  public static Tokenizer load(Path tokenizerJson) throws IOException {
    return load(tokenizerJson, TokenizerConfig.EMPTY);
  }

  /**
   * Reads a {@code tokenizer.json} and adds the tokens that the {@code tokenizer_config.json}
   * beside it knows in addition.
   *
   * @throws MalformedTokenizerException if a file is broken or asks for anything not supported
   */
  public static Tokenizer load(Path tokenizerJson, TokenizerConfig config) throws IOException {
    return new Tokenizer(TokenizerReader.read(tokenizerJson, config));
  }

  /**
   * The ids of a text, without the ones that a model wants around it.
   *
   * @param parseSpecial whether added tokens spelled in the text become those tokens; if not, no
   *     added token comes out of it (but runs of white space that a vocabulary holds as such)
   * @throws RequestException if the text holds half a surrogate pair
   */
  public int[] encode(String text, boolean parseSpecial) throws RequestException {
    return encode(parseSpecial ? TaintedText.trusted(text) : TaintedText.data(text));
  }

  /**
   * The ids of a text that is trusted in part. An added token counts only where the whole of it is
   * trusted; all else is cut and merged across the seams as one text.
   *
   * @throws RequestException if the text holds half a surrogate pair
   */
  public int[] encode(TaintedText text) throws RequestException {
    checkSurrogates(text.text());
    TokenBuffer out = new TokenBuffer(text.length() / 3);
    BytePairModel.Encoder encoder = model.encoder(out);
    AddedTokens.Sink words =
        new AddedTokens.Sink() {
          @Override
          public void token(int id) {
            out.add(id);
          }

          @Override
          public void text(TaintedText part, boolean first) {
            char[] chars = part.text().toCharArray();
            preTokenizer.split(chars, 0, chars.length, first, encoder::encode);
          }
        };
    rawTokens.split(
        text,
        new AddedTokens.Sink() {
          @Override
          public void token(int id) {
            out.add(id);
          }

          @Override
          public void text(TaintedText part, boolean first) {
            normalizedTokens.split(normalizer.apply(part), first ? words : notFirst(words));
          }
        });
    return out.toArray();
  }

  private static AddedTokens.Sink notFirst(AddedTokens.Sink sink) {
    return new AddedTokens.Sink() {
      @Override
      public void token(int id) {
        sink.token(id);
      }

      @Override
      public void text(TaintedText part, boolean first) {
        sink.text(part, false);
      }
    };
  }

  /** The ids with what the model wants around every text (a beginning-of-text token, say). */
  public int[] withModelTokens(int[] tokenIds) {
    int[] all = new int[prefix.length + tokenIds.length + suffix.length];
    System.arraycopy(prefix, 0, all, 0, prefix.length);
    System.arraycopy(tokenIds, 0, all, prefix.length, tokenIds.length);
    System.arraycopy(suffix, 0, all, prefix.length + tokenIds.length, suffix.length);
    return all;
  }

  /**
   * The text of ids, as the tokenizers library decodes them. Bytes that are no UTF-8 become U+FFFD;
   * ids that no token has, but the model's table may, add nothing.
   *
   * @param skipSpecial whether special tokens are left out
   * @throws IllegalArgumentException if an id is negative
   */
  public String decode(int[] tokenIds, boolean skipSpecial) {
    if (decoder.rules().byteFallback()) {
      return ByteRuns.decode(decoder, tokenIds, skipSpecial);
    }
    StreamingDecoder streaming = streamingDecoder(skipSpecial);
    for (int id : tokenIds) {
      streaming.accept(id);
    }
    streaming.finish();
    return streaming.text();
  }

  /** A decoder for one sequence of tokens. */
  public StreamingDecoder streamingDecoder(boolean skipSpecial) {
    return new StreamingDecoder(decoder, skipSpecial);
  }

  /** The bytes a token adds inside a text; empty for an id that no token has. */
  public byte[] tokenBytes(int tokenId) {
    checkNotNegative(tokenId);
    return decoder.bytes(tokenId).clone();
  }

  /** Length of {@link #tokenBytes}. */
  public int tokenByteLength(int tokenId) {
    checkNotNegative(tokenId);
    return decoder.bytes(tokenId).length;
  }

  /** The text a token adds inside a text; U+FFFD where its bytes alone are no UTF-8. */
  public String tokenText(int tokenId) {
    checkNotNegative(tokenId);
    return new String(decoder.bytes(tokenId), java.nio.charset.StandardCharsets.UTF_8);
  }

  /** The id of a token as {@code tokenizer.json} spells it. */
  public OptionalInt tokenId(String token) {
    int id = tokens.id(token);
    return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Whether decoding may leave the token out. */
  public boolean isSpecial(int tokenId) {
    checkNotNegative(tokenId);
    return decoder.isSpecial(tokenId);
  }

  /** One more than the largest id; a model's embedding table may be longer, never shorter. */
  public int vocabularySize() {
    return decoder.size();
  }

  static void checkNotNegative(int tokenId) {
    if (tokenId < 0) {
      throw new IllegalArgumentException("token ids are 0 or more, found " + tokenId);
    }
  }

  private static void checkSurrogates(String text) throws RequestException {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) {
        continue;
      }
      boolean paired =
          Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1));
      if (!paired) {
        throw new RequestException(
            FailureReason.PROMPT_INVALID,
            String.format(
                "expected Unicode text, found the lone surrogate \\u%04X at character %d;"
                    + " re-encode the row's text",
                (int) c, i));
      }
      i++;
    }
  }
}
