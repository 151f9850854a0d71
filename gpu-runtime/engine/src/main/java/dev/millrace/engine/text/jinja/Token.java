package dev.millrace.engine.text.jinja;

/**
 * A piece of a template.
 *
 * @param text data, a name, an operator, a string's value, or the spelling of a number
 * @param line from 1
 * @param column from 1
 */
record Token(Kind kind, String text, int line, int column) {
  enum Kind {
    DATA,
    STATEMENT_BEGIN,
    STATEMENT_END,
    OUTPUT_BEGIN,
    OUTPUT_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  /** As an error message shows it. */
  String shown() {
    return switch (kind) {
      case END -> "the end of the template";
      case STATEMENT_END -> "the end of the statement";
      case OUTPUT_END -> "the end of the expression";
      case STRING -> "a string";
      default -> "'" + text + "'";
    };
  }
}
