package dev.millrace.cuda.examination;

import java.util.Objects;

/**
 * What one check found.
 *
 * @param subject what was looked at
 * @param state whether it will do
 * @param found what is there
 * @param remedy what to do; empty exactly where nothing need be done
 */
public record CudaFinding(String subject, State state, String found, String remedy) {

  /** Whether what was found will do. */
  public enum State {
    /** It works. */
    GOOD,
    /** The GPU cannot be used, or not all of it; jobs run on the CPU or slower. */
    LACKING,
    /** The GPU computes something wrong. */
    BROKEN
  }

  public CudaFinding {
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(found, "found");
    if (remedy.isEmpty() != (state == State.GOOD)) {
      throw new IllegalArgumentException(
          "%s: expected a remedy exactly where something is not good, found %s"
              .formatted(subject, state));
    }
  }

  static CudaFinding good(String subject, String found) {
    return new CudaFinding(subject, State.GOOD, found, "");
  }

  static CudaFinding lacking(String subject, String found, String remedy) {
    return new CudaFinding(subject, State.LACKING, found, remedy);
  }

  static CudaFinding broken(String subject, String found, String remedy) {
    return new CudaFinding(subject, State.BROKEN, found, remedy);
  }

  /** From an error: what to do follows its semicolon. */
  static CudaFinding lacking(String subject, String sentence) {
    int cut = sentence.indexOf("; ");
    return cut < 0
        ? lacking(subject, sentence, "See docs/gpu.md, which lists errors and their causes.")
        : lacking(
            subject, sentence.substring(0, cut), upperCase(sentence.substring(cut + 2)) + ".");
  }

  private static String upperCase(String text) {
    return text.substring(0, 1).toUpperCase(java.util.Locale.ROOT) + text.substring(1);
  }
}
