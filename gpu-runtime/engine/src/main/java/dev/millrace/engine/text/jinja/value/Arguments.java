package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The arguments of a call.
 *
 * @param positional in order
 * @param named by keyword, in the order given
 */
public record Arguments(List<Object> positional, Map<String, Object> named) {
  public static final Arguments NONE = new Arguments(List.of(), Map.of());

  public static Arguments of(Object... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /**
   * Checks the call against the parameters' names; call it first.
   *
   * @throws TemplateException if there are more arguments, or others, than the callee takes
   */
  public Arguments expect(String callee, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new TemplateException(
          callee
              + " takes at most "
              + parameters.length
              + " arguments, found "
              + positional.size());
    }
    for (String name : named.keySet()) {
      int index = List.of(parameters).indexOf(name);
      if (index < 0) {
        throw new TemplateException(
            callee + " has no argument '" + name + "' (it takes " + List.of(parameters) + ")");
      }
      if (index < positional.size()) {
        throw new TemplateException(callee + " got its argument '" + name + "' twice");
      }
    }
    return this;
  }

  public Object get(int index, String name, Object absent) {
    if (index < positional.size()) {
      return positional.get(index);
    }
    return named.getOrDefault(name, absent);
  }

  public boolean has(int index, String name) {
    return index < positional.size() || named.containsKey(name);
  }

  public Object require(int index, String name) {
    Object value = get(index, name, null);
    if (value == null) {
      throw new TemplateException("the argument '" + name + "' is missing");
    }
    return value;
  }

  public boolean flag(int index, String name, boolean absent) {
    return Values.isTrue(get(index, name, absent));
  }

  public int integer(int index, String name, int absent) {
    return Values.toIndex(get(index, name, (long) absent));
  }

  public TaintedText text(int index, String name, String absent) {
    Object value = get(index, name, null);
    return value == null ? TaintedText.trusted(absent) : Values.requireText(value, name);
  }

  public TaintedText requireText(int index, String name) {
    return Values.requireText(require(index, name), name);
  }

  /** These without the first positional ones. */
  public Arguments dropFirst(int count) {
    return new Arguments(new ArrayList<>(positional.subList(count, positional.size())), named);
  }
}
