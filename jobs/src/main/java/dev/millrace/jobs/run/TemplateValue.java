package dev.millrace.jobs.run;

import java.util.regex.Pattern;

/** What a chat template sees of a variable that was given as text. */
final class TemplateValue {
  // as JSON writes numbers: 007 is text
  private static final Pattern WHOLE = Pattern.compile("-?(0|[1-9][0-9]{0,17})");
  private static final Pattern NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?");

  private TemplateValue() {}

  /**
   * Reads a value. Values that differ are written differently, so a job's description tells them
   * apart.
   *
   * @return Boolean, Long, Double or the text
   */
  static Object of(String text) {
    // YAML and Python write False, too; as text a template would take it for true
    if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
      return Boolean.valueOf(text);
    }
    if (WHOLE.matcher(text).matches()) {
      return Long.valueOf(text);
    }
    return NUMBER.matcher(text).matches() ? (Object) Double.valueOf(text) : text;
  }
}
