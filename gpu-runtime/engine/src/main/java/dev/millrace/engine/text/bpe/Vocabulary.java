package dev.millrace.engine.text.bpe;

import java.util.HashMap;
import java.util.Map;

/** Tokens of a model by id and by text, as the file writes them. Ids may have gaps. Immutable. */
public final class Vocabulary {
  private final Map<String, Integer> ids;
  private final String[] tokens;

  private Vocabulary(Map<String, Integer> ids, String[] tokens) {
    this.ids = ids;
    this.tokens = tokens;
  }

  /** The id of a token, or -1. */
  public int id(String token) {
    return ids.getOrDefault(token, -1);
  }

  /** The text of a token, or null where the vocabulary has a gap. */
  public String token(int id) {
    return id >= 0 && id < tokens.length ? tokens[id] : null;
  }

  /** One more than the largest id. */
  public int size() {
    return tokens.length;
  }

  /** Collects tokens in any order. */
  public static final class Builder {
    /** No real vocabulary comes near; a larger id is a broken file, not a reason to run dry. */
    private static final int ID_MAX = 10_000_000;

    private final Map<String, Integer> ids = new HashMap<>(1 << 18);
    private int size;

    /**
     * @throws IllegalArgumentException if the token was given before or its id is out of range
     */
    public void add(String token, long id) {
      if (id < 0 || id > ID_MAX) {
        throw new IllegalArgumentException(
            "token ids are 0 to " + ID_MAX + ", found " + id + " for '" + token + "'");
      }
      if (ids.put(token, (int) id) != null) {
        throw new IllegalArgumentException("the token '" + token + "' is listed twice");
      }
      size = Math.max(size, (int) id + 1);
    }

    /**
     * @throws IllegalArgumentException if two tokens share an id
     */
    public Vocabulary build() {
      String[] tokens = new String[size];
      for (Map.Entry<String, Integer> entry : ids.entrySet()) {
        int id = entry.getValue();
        if (tokens[id] != null) {
          throw new IllegalArgumentException(
              "the tokens '" + tokens[id] + "' and '" + entry.getKey() + "' share the id " + id);
        }
        tokens[id] = entry.getKey();
      }
      return new Vocabulary(ids, tokens);
    }
  }
}
