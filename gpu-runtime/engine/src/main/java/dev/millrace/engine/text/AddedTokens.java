package dev.millrace.engine.text;

import dev.millrace.engine.text.split.UnicodeClasses;
import dev.millrace.engine.text.taint.TaintedText;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds added tokens in a text: leftmost first, of those the longest, and only where the whole of
 * it is trusted text. Immutable.
 */
final class AddedTokens {
  private final Node root = new Node();
  private final boolean empty;

  /** A trie over UTF-16 units. */
  private static final class Node {
    final Map<Character, Node> children = new HashMap<>();
    AddedToken token;
  }

  /** Takes the pieces of a text in order: either an id or a part without tokens. */
  interface Sink {
    void token(int id);

    /**
     * @param first whether the part begins where the text does
     */
    void text(TaintedText part, boolean first);
  }

  /**
   * @param tokens what to look for
   * @param contents how each is written in the text that is searched
   */
  AddedTokens(List<AddedToken> tokens, List<String> contents) {
    empty = tokens.isEmpty();
    for (int i = 0; i < tokens.size(); i++) {
      Node node = root;
      for (char c : contents.get(i).toCharArray()) {
        node = node.children.computeIfAbsent(c, k -> new Node());
      }
      if (node != root) {
        node.token = tokens.get(i);
      }
    }
  }

  void split(TaintedText text, Sink sink) {
    String source = text.text();
    int done = 0;
    for (int at = 0; !empty && at < source.length(); ) {
      Node node = root.children.get(source.charAt(at));
      int end = node == null ? -1 : longestEnd(node, text, at);
      if (end < 0) {
        at++;
        continue;
      }
      AddedToken token = tokenAt(source, at, end);
      if (token.singleWord() && touchesWord(source, at, end)) {
        at = end;
        continue;
      }
      int start = token.leftStrip() ? Math.max(done, spaceBefore(source, at)) : at;
      int stop = token.rightStrip() ? spaceAfter(source, end) : end;
      if (done < start) {
        sink.text(text.substring(done, start), done == 0);
      }
      sink.token(token.id());
      // The search goes on after the token itself: what it swallowed may hold the next token, which
      // then takes the text up again where it ends.
      done = stop;
      at = end;
    }
    if (done < source.length()) {
      sink.text(text.substring(done, source.length()), done == 0);
    }
  }

  /** The end of the longest token that may be read at a place, or -1. */
  private static int longestEnd(Node first, TaintedText text, int at) {
    int longest = -1;
    Node node = first;
    for (int end = at + 1; node != null; end++) {
      if (node.token != null && (node.token.isPlainText() || !text.hasData(at, end))) {
        longest = end;
      }
      node = end < text.length() ? node.children.get(text.text().charAt(end)) : null;
    }
    return longest;
  }

  private AddedToken tokenAt(String source, int start, int end) {
    Node node = root;
    for (int i = start; i < end; i++) {
      node = node.children.get(source.charAt(i));
    }
    return node.token;
  }

  private static boolean touchesWord(String source, int start, int end) {
    return start > 0 && UnicodeClasses.isWord(source.codePointBefore(start))
        || end < source.length() && UnicodeClasses.isWord(source.codePointAt(end));
  }

  /** All white space is in the basic plane, so single units suffice. */
  private static int spaceBefore(String source, int start) {
    int at = start;
    while (at > 0 && UnicodeClasses.isWhiteSpace(source.charAt(at - 1))) {
      at--;
    }
    return at;
  }

  private static int spaceAfter(String source, int end) {
    int at = end;
    while (at < source.length() && UnicodeClasses.isWhiteSpace(source.charAt(at))) {
      at++;
    }
    return at;
  }
}
