package dev.millrace.engine.text.jinja.value;

/**
 * What one rendering may use. A template comes with a model, from whoever made that; it must not be
 * able to hang a job or to fill the heap. Not thread-safe.
 */
public final class Budget {
  /** Statements and loop rounds. A template runs some twenty a message. */
  static final long STEPS_MAX = 5_000_000;

  /** Characters and list items made, intermediate ones included. */
  static final long UNITS_MAX = 1L << 28;

  /** Characters or items of one string or list. */
  static final long UNITS_OF_ONE_MAX = 1L << 24;

  /** Macros inside macros. */
  static final int DEPTH_MAX = 60;

  private long steps;
  private long units;
  private int depth;

  public void step() {
    if (++steps > STEPS_MAX) {
      throw new TemplateException("the template takes more than " + STEPS_MAX + " steps");
    }
  }

  public void charge(long more) {
    units += more;
    if (more > UNITS_OF_ONE_MAX) {
      throw new TemplateException(
          "the template makes a text or list of more than " + UNITS_OF_ONE_MAX);
    }
    if (units > UNITS_MAX) {
      throw new TemplateException(
          "the template makes more than " + UNITS_MAX + " characters and list items");
    }
  }

  public void enter() {
    if (++depth > DEPTH_MAX) {
      throw new TemplateException("macros are nested deeper than " + DEPTH_MAX);
    }
  }

  public void leave() {
    depth--;
  }
}
