package dev.millrace.engine.text.jinja.value;

/** A template failed while it was rendered, or refused its input. */
public final class TemplateException extends RuntimeException {
  private final int line;

  public TemplateException(String message) {
    this(message, 0, null);
  }

  private TemplateException(String message, int line, Throwable cause) {
    super(line == 0 ? message : message + " (line " + line + ")", cause);
    this.line = line;
  }

  /** The same failure with the template line it happened in, unless it has one already. */
  public TemplateException at(int templateLine) {
    return line != 0 ? this : new TemplateException(getMessage(), templateLine, this);
  }
}
