package dev.millrace.engine.text.bpe;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Turns one word into token ids by byte-pair merging, as the BPE model of Hugging Face tokenizers
 * does. Immutable and thread-safe, but for the cache of words it fills.
 *
 * <p>Byte-level models start from the word's UTF-8 bytes; a byte without a token is dropped in
 * silence unless there is an unknown token, as in the original. Others start from its characters;
 * one without a token becomes its bytes' tokens ({@code <0x0A>}) or the unknown token.
 */
public final class BytePairModel {
  private static final int NONE = -1;
  private static final char WORD_START = '\u2581';

  private final BytePairSettings settings;
  private final MergeTable merges;
  private final int[] byteIds = new int[256];
  private final int[] basicPlaneIds;
  private final Map<Integer, Integer> supplementaryIds = new HashMap<>();
  private final int unknownId;
  private final Vocabulary vocabulary;
  private final boolean cutsAtWordStart;
  private final WordCache cache = new WordCache();

  /**
   * @throws IllegalArgumentException if the unknown token is not in the vocabulary
   */
  public BytePairModel(BytePairSettings settings, Vocabulary vocabulary, MergeTable merges) {
    this.settings = settings;
    this.vocabulary = vocabulary;
    this.merges = merges;
    unknownId = settings.unknownToken() == null ? NONE : vocabulary.id(settings.unknownToken());
    if (settings.unknownToken() != null && unknownId < 0) {
      throw new IllegalArgumentException(
          "the unknown token '" + settings.unknownToken() + "' is not in the vocabulary");
    }
    basicPlaneIds = new int[settings.byteLevel() ? 0 : 0x10000];
    Arrays.fill(basicPlaneIds, NONE);
    for (int b = 0; b < byteIds.length; b++) {
      String token =
          settings.byteLevel()
              ? String.valueOf(ByteAlphabet.character(b))
              : String.format(Locale.ROOT, "<0x%02X>", b);
      byteIds[b] = settings.byteLevel() || settings.byteFallback() ? vocabulary.id(token) : NONE;
    }
    if (!settings.byteLevel()) {
      indexCharacters();
    }
    cutsAtWordStart = !settings.byteLevel() && !settings.ignoreMerges() && noMergeCrossesWords();
  }

  private void indexCharacters() {
    for (int id = 0; id < vocabulary.size(); id++) {
      String token = vocabulary.token(id);
      if (token != null && !token.isEmpty() && token.codePointCount(0, token.length()) == 1) {
        int c = token.codePointAt(0);
        if (c < basicPlaneIds.length) {
          basicPlaneIds[c] = id;
        } else {
          supplementaryIds.put(c, id);
        }
      }
    }
  }

  /**
   * Whether a text may be cut before every {@code ▁} that follows another character: true if no
   * merge makes a token with one inside. Sentencepiece models take a whole text as one word; cut,
   * its words can be cached.
   */
  private boolean noMergeCrossesWords() {
    if (basicPlaneIds[WORD_START] < 0) {
      return false;
    }
    for (int rank = 0; rank < merges.size(); rank++) {
      String token = vocabulary.token(merges.result(rank));
      for (int i = 1; i < token.length(); i++) {
        if (token.charAt(i) == WORD_START && token.charAt(i - 1) != WORD_START) {
          return false;
        }
      }
    }
    return true;
  }

  /** An encoder with scratch memory of its own, for one thread. */
  public Encoder encoder(TokenBuffer out) {
    return new Encoder(out);
  }

  /** Appends the ids of words to a buffer. Not thread-safe. */
  public final class Encoder {
    private final TokenBuffer out;
    private final PairMerger merger = new PairMerger(merges);

    private Encoder(TokenBuffer out) {
      this.out = out;
    }

    /** Appends the ids of the word {@code text[from, to)}. */
    public void encode(char[] text, int from, int to) {
      if (!cutsAtWordStart) {
        word(text, from, to);
        return;
      }
      int start = from;
      for (int i = from + 1; i < to; i++) {
        if (text[i] == WORD_START && text[i - 1] != WORD_START) {
          word(text, start, i);
          start = i;
        }
      }
      word(text, start, to);
    }

    private void word(char[] text, int from, int to) {
      boolean cacheable = to - from <= WordCache.WORD_CHARS_MAX;
      int[] known = cacheable ? cache.get(text, from, to) : null;
      if (known != null) {
        out.addAll(known);
        return;
      }
      merger.clear();
      int whole = settings.ignoreMerges() ? vocabulary.id(spelled(text, from, to)) : NONE;
      if (whole >= 0) {
        merger.add(whole);
      } else {
        if (settings.byteLevel()) {
          addBytes(text, from, to);
        } else {
          addCharacters(text, from, to);
        }
        merger.merge();
      }
      out.addAll(merger.symbols(), merger.length());
      if (cacheable) {
        cache.put(text, from, to, Arrays.copyOf(merger.symbols(), merger.length()));
      }
    }

    private void addBytes(char[] text, int from, int to) {
      boolean unknownOpen = false;
      for (byte b : utf8(text, from, to)) {
        int id = byteIds[b & 0xFF];
        if (id >= 0) {
          merger.add(id);
          unknownOpen = false;
        } else if (unknownId >= 0) {
          if (!unknownOpen || !settings.fuseUnknown()) {
            merger.add(unknownId);
          }
          unknownOpen = true;
        }
      }
    }

    private void addCharacters(char[] text, int from, int to) {
      boolean unknownOpen = false;
      for (int at = from; at < to; ) {
        int c = Character.codePointAt(text, at, to);
        int next = at + Character.charCount(c);
        int id =
            c < basicPlaneIds.length ? basicPlaneIds[c] : supplementaryIds.getOrDefault(c, NONE);
        if (id >= 0) {
          merger.add(id);
          unknownOpen = false;
        } else if (addFallback(text, at, next)) {
          unknownOpen = false;
        } else if (unknownId >= 0) {
          if (!unknownOpen || !settings.fuseUnknown()) {
            merger.add(unknownId);
          }
          unknownOpen = true;
        }
        at = next;
      }
    }

    private boolean addFallback(char[] text, int from, int to) {
      if (!settings.byteFallback()) {
        return false;
      }
      byte[] bytes = utf8(text, from, to);
      for (byte b : bytes) {
        if (byteIds[b & 0xFF] < 0) {
          return false;
        }
      }
      for (byte b : bytes) {
        merger.add(byteIds[b & 0xFF]);
      }
      return true;
    }

    private String spelled(char[] text, int from, int to) {
      if (!settings.byteLevel()) {
        return new String(text, from, to - from);
      }
      byte[] bytes = utf8(text, from, to);
      char[] characters = new char[bytes.length];
      for (int i = 0; i < bytes.length; i++) {
        characters[i] = ByteAlphabet.character(bytes[i] & 0xFF);
      }
      return new String(characters);
    }

    private static byte[] utf8(char[] text, int from, int to) {
      return new String(text, from, to - from).getBytes(StandardCharsets.UTF_8);
    }
  }
}
