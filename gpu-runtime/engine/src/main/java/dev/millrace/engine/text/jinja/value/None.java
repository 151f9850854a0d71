package dev.millrace.engine.text.jinja.value;

/** Python's None. */
public enum None {
  NONE;

  @Override
  public String toString() {
    return "None";
  }
}
