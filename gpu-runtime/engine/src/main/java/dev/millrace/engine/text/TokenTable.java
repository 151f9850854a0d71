package dev.millrace.engine.text;

import dev.millrace.engine.text.bpe.Vocabulary;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * All tokens by id and by spelling: the model's vocabulary and what was added to it. Kept apart,
 * because merging must not see added tokens. Immutable.
 */
final class TokenTable {
  private final Vocabulary vocabulary;
  private final Map<String, Integer> addedIds = new HashMap<>();
  private final Map<Integer, String> addedTokens = new HashMap<>();
  private final int size;

  TokenTable(Vocabulary vocabulary, List<AddedToken> added) {
    this.vocabulary = vocabulary;
    int largest = vocabulary.size() - 1;
    for (AddedToken token : added) {
      addedIds.put(token.content(), token.id());
      addedTokens.put(token.id(), token.content());
      largest = Math.max(largest, token.id());
    }
    size = largest + 1;
  }

  /** The id of a token, or -1. */
  int id(String token) {
    Integer added = addedIds.get(token);
    return added == null ? vocabulary.id(token) : added;
  }

  /** The token as the file spells it, or null where there is none. */
  String token(int id) {
    String token = vocabulary.token(id);
    return token == null ? addedTokens.get(id) : token;
  }

  /** One more than the largest id. */
  int size() {
    return size;
  }
}
