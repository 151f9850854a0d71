package dev.millrace.engine.text.split;

/** Takes the words a text is cut into, in order. */
@FunctionalInterface
public interface WordSink {
  /** One word, {@code text[from, to)}; valid during the call only. Never empty. */
  void accept(char[] text, int from, int to);
}
