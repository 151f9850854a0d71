/**
 * The values that templates work on, with Python's meaning of truth, equality, order and printing.
 * Strings are {@link dev.millrace.engine.text.taint.TaintedText}, integers {@code Long}, floats
 * {@code Double}, booleans {@code Boolean}.
 */
package dev.millrace.engine.text.jinja.value;
