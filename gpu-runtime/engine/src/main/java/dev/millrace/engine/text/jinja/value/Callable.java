package dev.millrace.engine.text.jinja.value;

/** Something a template can call: a macro, a global function, a method bound to its value. */
@FunctionalInterface
public interface Callable {
  Object call(Arguments arguments);
}
