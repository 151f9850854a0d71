package dev.millrace.engine.text.jinja.value;

import java.util.Collections;
import java.util.List;

/** A list, a tuple, or something that can only be gone through. Templates cannot change it. */
public final class Sequence {
  /** Which Python type it stands for. */
  public enum Kind {
    LIST("list"),
    TUPLE("tuple"),
    /** Made by filters such as {@code map}; has no length and can be gone through once. */
    GENERATOR("generator"),
    KEYS("dict_keys"),
    VALUES("dict_values"),
    ITEMS("dict_items");

    private final String typeName;

    Kind(String typeName) {
      this.typeName = typeName;
    }

    String typeName() {
      return typeName;
    }
  }

  private final Kind kind;
  private final List<Object> items;
  private boolean used;

  private Sequence(Kind kind, List<Object> items) {
    this.kind = kind;
    this.items = Collections.unmodifiableList(items);
  }

  public static Sequence list(List<Object> items) {
    return new Sequence(Kind.LIST, items);
  }

  public static Sequence tuple(Object... items) {
    return new Sequence(Kind.TUPLE, List.of(items));
  }

  public static Sequence of(Kind kind, List<Object> items) {
    return new Sequence(kind, items);
  }

  public Kind kind() {
    return kind;
  }

  /** Whether it has positions: a list or a tuple. */
  public boolean isIndexed() {
    return kind == Kind.LIST || kind == Kind.TUPLE;
  }

  /** The items, to be gone through; a generator has none the second time. */
  public List<Object> iterate() {
    boolean exhausted = kind == Kind.GENERATOR && used;
    used = true;
    return exhausted ? List.of() : items;
  }

  /** The items of anything but a generator. */
  public List<Object> items() {
    if (kind == Kind.GENERATOR) {
      throw new TemplateException("object of type 'generator' has no len()");
    }
    return items;
  }
}
