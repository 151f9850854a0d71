package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A mapping in order of insertion. Keys compare as in Python: 1, 1.0 and True are one key. */
public final class Dict {
  private record Entry(Object key, Object value) {}

  private final Map<Object, Entry> entries = new LinkedHashMap<>();

  /** Used while it is made; templates cannot change a mapping. */
  public void put(Object key, Object value) {
    Object hashed = hashed(key);
    Entry before = entries.get(hashed);
    entries.put(hashed, new Entry(before == null ? key : before.key, value));
  }

  /** The value of a key, or null. */
  public Object get(Object key) {
    Entry entry = entries.get(hashed(key));
    return entry == null ? null : entry.value;
  }

  public Object get(String key) {
    Entry entry = entries.get(key);
    return entry == null ? null : entry.value;
  }

  public int size() {
    return entries.size();
  }

  public List<Object> keys() {
    List<Object> keys = new ArrayList<>(entries.size());
    entries.values().forEach(e -> keys.add(e.key));
    return keys;
  }

  public List<Object> values() {
    List<Object> values = new ArrayList<>(entries.size());
    entries.values().forEach(e -> values.add(e.value));
    return values;
  }

  /** Pairs of key and value. */
  public List<Object> items() {
    List<Object> items = new ArrayList<>(entries.size());
    entries.values().forEach(e -> items.add(Sequence.tuple(e.key, e.value)));
    return items;
  }

  private static Object hashed(Object key) {
    if (key instanceof TaintedText || key instanceof Markup) {
      return key.toString();
    }
    if (key instanceof Boolean flag) {
      return flag ? 1L : 0L;
    }
    if (key instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e15) {
      return number.longValue();
    }
    if (key instanceof Sequence sequence && sequence.kind() == Sequence.Kind.TUPLE) {
      return sequence.items().stream().map(Dict::hashed).toList();
    }
    if (key instanceof Sequence || key instanceof Dict) {
      throw new TemplateException("unhashable type: '" + Values.typeName(key) + "'");
    }
    return key;
  }
}
