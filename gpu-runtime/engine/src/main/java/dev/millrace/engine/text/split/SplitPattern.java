package dev.millrace.engine.text.split;

import java.util.List;

/**
 * The regular expressions that {@code tokenizer.json} files split text with, matched as Oniguruma
 * (Ruby syntax, UTF-8) does, over its character classes, on every JVM alike.
 *
 * <p>Taken: literals, character classes with ranges and negation, {@code \s \S \d \D \w \W \p{..}
 * \P{..} \r \n \t \x{..}}, the quantifiers {@code ? * + {m} {m,} {m,n}} on one character or class
 * ({@code ? * +} also possessive), groups {@code (..) (?:..) (?i:..)} optionally followed by {@code
 * ?}, alternation, and lookaheads {@code (?=..) (?!..)}. Anything else is refused at compile with
 * its place. Matching time is linear for the patterns in use. Immutable.
 */
public final class SplitPattern {
  private final String source;
  private final PatternNode start;

  private SplitPattern(String source, PatternNode start) {
    this.source = source;
    this.start = start;
  }

  /**
   * @throws IllegalArgumentException if the pattern uses a construct that is not supported, or
   *     could match no character at all
   */
  public static SplitPattern compile(String source) {
    List<List<PatternParser.Part>> alternatives = new PatternParser(source).parse();
    if (canBeEmpty(alternatives)) {
      throw new IllegalArgumentException(
          "split pattern: one that can match an empty text is not supported: " + source);
    }
    return new SplitPattern(source, link(alternatives, PatternNode.ACCEPT));
  }

  /** A pattern that matches exactly this text. */
  public static SplitPattern literal(String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("expected a text to split at, found an empty string");
    }
    PatternNode node = PatternNode.ACCEPT;
    int[] codePoints = text.codePoints().toArray();
    for (int i = codePoints.length - 1; i >= 0; i--) {
      node = new PatternNode.Repeat(CodePointSet.of(codePoints[i]), 1, 1, false, node);
    }
    return new SplitPattern(text, node);
  }

  static SplitPattern of(String name, PatternNode start) {
    return new SplitPattern(name, start);
  }

  /** The end of the match that begins exactly at {@code at}, or -1. */
  int matchAt(char[] text, int at, int end) {
    return start.match(text, at, end);
  }

  private static boolean canBeEmpty(List<List<PatternParser.Part>> alternatives) {
    return alternatives.stream().anyMatch(a -> a.stream().allMatch(SplitPattern::canBeEmpty));
  }

  private static boolean canBeEmpty(PatternParser.Part part) {
    if (part instanceof PatternParser.Chars chars) {
      return chars.min() == 0;
    }
    return !(part instanceof PatternParser.Group group)
        || group.optional()
        || canBeEmpty(group.alternatives());
  }

  private static PatternNode link(List<List<PatternParser.Part>> alternatives, PatternNode next) {
    List<PatternNode> linked = alternatives.stream().map(a -> linkSequence(a, next)).toList();
    return linked.size() == 1 ? linked.get(0) : new PatternNode.Choice(linked);
  }

  private static PatternNode linkSequence(List<PatternParser.Part> parts, PatternNode next) {
    PatternNode node = next;
    for (int i = parts.size() - 1; i >= 0; i--) {
      node = linkPart(parts.get(i), node);
    }
    return node;
  }

  private static PatternNode linkPart(PatternParser.Part part, PatternNode next) {
    if (part instanceof PatternParser.Chars chars) {
      return new PatternNode.Repeat(
          chars.set(), chars.min(), chars.max(), chars.possessive(), next);
    }
    if (part instanceof PatternParser.Lookahead look) {
      return new PatternNode.Look(
          link(look.alternatives(), PatternNode.ACCEPT), look.wanted(), next);
    }
    PatternParser.Group group = (PatternParser.Group) part;
    PatternNode body = link(group.alternatives(), next);
    return group.optional() ? new PatternNode.Choice(List.of(body, next)) : body;
  }

  @Override
  public String toString() {
    return source;
  }
}
