package dev.millrace.jobs.evaluate.template;

import dev.millrace.jobs.evaluate.spec.PlacedText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression that gives up: a pattern that goes back and forth over what a model wrote
 * could run for years, and hostile text can make it. Steps are counted by the characters looked at.
 */
public final class BoundedPattern {
  private static final long STEPS_MAX = 20_000_000;

  private final PlacedText source;
  private final Pattern pattern;

  private BoundedPattern(PlacedText source, Pattern pattern) {
    this.source = source;
    this.pattern = pattern;
  }

  /**
   * Compiles a pattern.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if it cannot be, with its place
   */
  public static BoundedPattern compile(PlacedText source) {
    try {
      return new BoundedPattern(source, Pattern.compile(source.text()));
    } catch (PatternSyntaxException e) {
      throw source
          .place()
          .error(
              source.key()
                  + ": expected a regular expression, found "
                  + e.getDescription()
                  + " at character "
                  + (e.getIndex() + 1),
              "Correct the pattern.",
              e);
    }
  }

  public Pattern pattern() {
    return pattern;
  }

  /**
   * All matches, in order.
   *
   * @param group which group; -1 takes the first if there is one, else the whole match. A match in
   *     which the group took no part is left out
   * @throws StepsExceededException if it takes too many steps
   */
  public List<String> all(String text, int group) {
    Matcher matcher = pattern.matcher(new CountedText(text, 0, text.length(), new long[1]));
    int wanted = group >= 0 ? group : Math.min(1, matcher.groupCount());
    if (wanted > matcher.groupCount()) {
      throw source
          .place()
          .error(
              source.key() + ": expected a group " + wanted + ", found " + matcher.groupCount(),
              "Correct the group.");
    }
    List<String> found = new ArrayList<>();
    try {
      while (matcher.find()) {
        String match = matcher.group(wanted);
        if (match != null) {
          found.add(match);
        }
      }
    } catch (StackOverflowError e) {
      throw new StepsExceededException("pattern '" + source.text() + "' went too deep", e);
    }
    return found;
  }

  /** A pattern took too long on a text. */
  public static final class StepsExceededException extends RuntimeException {
    StepsExceededException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  @SuppressWarnings("ArrayRecordComponent")
  private record CountedText(String text, int start, int end, long[] steps)
      implements CharSequence {
    @Override
    public int length() {
      return end - start;
    }

    @Override
    public char charAt(int index) {
      if (++steps[0] > STEPS_MAX) {
        throw new StepsExceededException("a pattern took more than " + STEPS_MAX + " steps", null);
      }
      return text.charAt(start + index);
    }

    @Override
    public CharSequence subSequence(int from, int to) {
      return new CountedText(text, start + from, start + to, steps);
    }

    @Override
    public String toString() {
      return text.substring(start, end);
    }

    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }
}
