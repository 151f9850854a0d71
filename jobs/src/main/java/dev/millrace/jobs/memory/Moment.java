package dev.millrace.jobs.memory;

import java.util.Locale;

/** The moments of a job that its memory is told of. */
public enum Moment {
  /** Before the engine is opened: what others use. */
  BEFORE,
  /** The model is loaded, nothing has run. */
  AT_LOAD,
  /** The most that was seen between loading and the end. */
  PEAK,
  /** All is computed, the engine still open. */
  END,
  /** The engine is closed. */
  AFTER_CLOSE;

  /** Name in reports. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }
}
