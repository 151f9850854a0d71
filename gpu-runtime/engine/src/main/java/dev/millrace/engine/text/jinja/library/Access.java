package dev.millrace.engine.text.jinja.library;

import dev.millrace.engine.text.jinja.value.Arguments;
import dev.millrace.engine.text.jinja.value.Attributes;
import dev.millrace.engine.text.jinja.value.Callable;
import dev.millrace.engine.text.jinja.value.Dict;
import dev.millrace.engine.text.jinja.value.Namespace;
import dev.millrace.engine.text.jinja.value.None;
import dev.millrace.engine.text.jinja.value.Sequence;
import dev.millrace.engine.text.jinja.value.TemplateException;
import dev.millrace.engine.text.jinja.value.Undefined;
import dev.millrace.engine.text.jinja.value.Values;
import java.util.Set;

/** {@code owner.name} and {@code owner[key]}: data and its methods, nothing of the JVM. */
public final class Access {
  private static final Set<String> CHANGING =
      Set.of(
          "append",
          "clear",
          "extend",
          "insert",
          "pop",
          "popitem",
          "remove",
          "reverse",
          "setdefault",
          "sort",
          "update");

  private Access() {}

  /** A method before a key, as Python looks. */
  public static Object attribute(Object owner, String name) {
    Values.rejectUndefined(owner);
    Object found = ownAttribute(owner, name);
    if (found == null && owner instanceof Dict dict) {
      found = dict.get(name);
    }
    return found == null ? Undefined.attribute(owner, name) : found;
  }

  /** A key, an index or a character before an attribute. */
  public static Object item(Object owner, Object key) {
    Values.rejectUndefined(owner);
    Object found = Values.item(owner, key);
    if (found == null && Values.isText(key)) {
      found = ownAttribute(owner, Values.text(key).text());
    }
    return found == null ? Undefined.attribute(owner, String.valueOf(key)) : found;
  }

  /** What is not a key of a mapping, or null. */
  private static Object ownAttribute(Object owner, String name) {
    if (Values.isText(owner)) {
      return TextMethods.find(Values.text(owner), name);
    }
    if (owner instanceof Dict dict) {
      return dictMethod(dict, name);
    }
    if (owner instanceof Sequence sequence) {
      return sequenceMethod(sequence, name);
    }
    if (owner instanceof Namespace namespace) {
      return namespace.get(name);
    }
    return owner instanceof Attributes attributes ? attributes.attribute(name) : null;
  }

  private static Callable dictMethod(Dict dict, String name) {
    switch (name) {
      case "items":
        return a -> {
          a.expect(name);
          return Sequence.of(Sequence.Kind.ITEMS, dict.items());
        };
      case "keys":
        return a -> {
          a.expect(name);
          return Sequence.of(Sequence.Kind.KEYS, dict.keys());
        };
      case "values":
        return a -> {
          a.expect(name);
          return Sequence.of(Sequence.Kind.VALUES, dict.values());
        };
      case "get":
        return a -> {
          a.expect("get", "key", "default");
          Object value = dict.get(a.require(0, "key"));
          return value == null ? a.get(1, "default", None.NONE) : value;
        };
      case "copy":
        return a -> copy(dict, a);
      default:
        return changing(name);
    }
  }

  private static Dict copy(Dict dict, Arguments arguments) {
    arguments.expect("copy");
    Dict copy = new Dict();
    dict.keys().forEach(key -> copy.put(key, dict.get(key)));
    return copy;
  }

  private static Callable sequenceMethod(Sequence sequence, String name) {
    if (!sequence.isIndexed()) {
      return null;
    }
    switch (name) {
      case "index":
        return a -> indexOf(sequence, a.expect("index", "value").require(0, "value"));
      case "count":
        return a -> {
          Object wanted = a.expect("count", "value").require(0, "value");
          return sequence.items().stream().filter(i -> Values.equal(i, wanted)).count();
        };
      default:
        return changing(name);
    }
  }

  private static Object indexOf(Sequence sequence, Object wanted) {
    for (int i = 0; i < sequence.items().size(); i++) {
      if (Values.equal(sequence.items().get(i), wanted)) {
        return (long) i;
      }
    }
    throw new TemplateException("the value is not in the list");
  }

  private static Callable changing(String name) {
    if (!CHANGING.contains(name)) {
      return null;
    }
    return a -> {
      throw new TemplateException("'" + name + "' would change data, which templates may not do");
    };
  }
}
