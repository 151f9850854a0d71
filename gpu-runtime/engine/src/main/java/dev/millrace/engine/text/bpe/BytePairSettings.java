package dev.millrace.engine.text.bpe;

/**
 * How a byte-pair model treats words.
 *
 * @param byteLevel whether words start as UTF-8 bytes, not as characters
 * @param byteFallback whether a character without a token becomes the tokens of its bytes
 * @param unknownToken stands for what has no token; null if there is none
 * @param fuseUnknown whether neighbours without a token make one unknown token
 * @param ignoreMerges whether a word that is a token as a whole is taken as it is
 */
public record BytePairSettings(
    boolean byteLevel,
    boolean byteFallback,
    String unknownToken,
    boolean fuseUnknown,
    boolean ignoreMerges) {
  public BytePairSettings {
    if (byteLevel && byteFallback) {
      throw new IllegalArgumentException(
          "byte_fallback together with a ByteLevel pre-tokenizer is not supported");
    }
  }
}
