package dev.millrace.engine.text.jinja;

/** A compiled expression. */
@FunctionalInterface
interface Expression {
  Object evaluate(Scope scope);
}
