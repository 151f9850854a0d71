package dev.millrace.jobs.progress;

import java.util.Locale;

/** How progress is shown. */
public enum ProgressStyle {
  /** One line that is redrawn. */
  BAR,
  /** A line every 30 seconds, and one at the end of each stage. */
  LOG,
  /** One JSON object a line, for schedulers. */
  JSON,
  /** Nothing. */
  NONE;

  /** The style named, where {@code auto} is a bar on a terminal and a log elsewhere. */
  public static ProgressStyle of(String name, boolean terminal) {
    if (name.equals("auto")) {
      return terminal ? BAR : LOG;
    }
    return valueOf(name.toUpperCase(Locale.ROOT));
  }
}
