package dev.millrace.engine.text.split;

/** What becomes of a match (the delimiter) and of the text between matches. */
public enum SplitBehavior {
  /** The match is dropped. */
  REMOVED,
  /** The match is a word of its own. */
  ISOLATED,
  /** The match ends the word before it. */
  MERGED_WITH_PREVIOUS,
  /** The match begins the word after it. */
  MERGED_WITH_NEXT,
  /** Neighbouring matches are one word. */
  CONTIGUOUS
}
