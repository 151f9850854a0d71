package dev.millrace.engine.text.jinja;

import dev.millrace.engine.text.jinja.value.Undefined;
import java.util.HashMap;
import java.util.Map;

/** Variables of a block; those of the blocks around it can be read, not set. */
final class Scope {
  private final Rendering rendering;
  private final Scope outer;
  private final Map<String, Object> variables = new HashMap<>();

  Scope(Rendering rendering, Scope outer) {
    this.rendering = rendering;
    this.outer = outer;
  }

  Scope inner() {
    return new Scope(rendering, this);
  }

  Rendering rendering() {
    return rendering;
  }

  Object get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Object value = scope.variables.get(name);
      if (value != null) {
        return value;
      }
    }
    return Undefined.name(name);
  }

  void set(String name, Object value) {
    variables.put(name, value);
  }
}
