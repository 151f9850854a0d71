package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;

/** {@code value | name(arguments)}. */
@FunctionalInterface
public interface Filter {
  Object apply(Object value, Arguments arguments);
}
