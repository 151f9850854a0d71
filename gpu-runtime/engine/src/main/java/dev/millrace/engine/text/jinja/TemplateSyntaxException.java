package dev.millrace.engine.text.jinja;

/** A template that cannot be compiled. */
public final class TemplateSyntaxException extends RuntimeException {
  private final int line;
  private final int column;

  TemplateSyntaxException(String message, int line, int column) {
    super(message + " (line " + line + ", column " + column + ")");
    this.line = line;
    this.column = column;
  }

  static TemplateSyntaxException at(Token token, String message) {
    return new TemplateSyntaxException(message, token.line(), token.column());
  }

  public int line() {
    return line;
  }

  public int column() {
    return column;
  }
}
