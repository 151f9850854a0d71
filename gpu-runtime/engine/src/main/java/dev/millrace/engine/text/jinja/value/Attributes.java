package dev.millrace.engine.text.jinja.value;

/** A value with attributes that are worked out when asked for, such as {@code loop}. */
@FunctionalInterface
public interface Attributes {
  /** The value of an attribute, or null. */
  Object attribute(String name);
}
