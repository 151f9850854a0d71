package dev.millrace.engine.text.jinja.value;

import java.util.LinkedHashMap;
import java.util.Map;

/** The one thing whose attributes a template may set: {@code namespace(...)}. */
public final class Namespace {
  private final Map<String, Object> attributes = new LinkedHashMap<>();

  public void set(String name, Object value) {
    attributes.put(name, value);
  }

  /** The value of an attribute, or null. */
  public Object get(String name) {
    return attributes.get(name);
  }
}
