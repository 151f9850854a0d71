package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.util.ArrayList;
import java.util.List;

/** What Python makes of values: truth, length, equality, order, going through them. */
public final class Values {
  private Values() {}

  public static boolean isText(Object value) {
    return value instanceof TaintedText || value instanceof Markup;
  }

  /** The text of a string value; call it only if {@link #isText}. */
  public static TaintedText text(Object value) {
    return value instanceof Markup markup ? markup.text() : (TaintedText) value;
  }

  public static TaintedText requireText(Object value, String what) {
    if (!isText(value)) {
      throw new TemplateException(what + ": expected a string, found " + described(value));
    }
    return text(value);
  }

  public static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  /** Python's name of the type. */
  public static String typeName(Object value) {
    if (isText(value)) {
      return "str";
    }
    if (value instanceof Long) {
      return "int";
    }
    if (value instanceof Double) {
      return "float";
    }
    if (value instanceof Boolean) {
      return "bool";
    }
    if (value instanceof Dict) {
      return "dict";
    }
    if (value instanceof Sequence sequence) {
      return sequence.kind().typeName();
    }
    if (value instanceof None) {
      return "None";
    }
    return value.getClass().getSimpleName();
  }

  static String described(Object value) {
    return value instanceof Undefined ? "an undefined value" : typeName(value);
  }

  public static boolean isTrue(Object value) {
    if (value instanceof Boolean flag) {
      return flag;
    }
    if (isText(value)) {
      return text(value).length() > 0;
    }
    if (value instanceof Long number) {
      return number != 0;
    }
    if (value instanceof Double number) {
      return number != 0;
    }
    if (value instanceof Dict dict) {
      return dict.size() > 0;
    }
    if (value instanceof Sequence sequence) {
      return sequence.kind() == Sequence.Kind.GENERATOR || !sequence.items().isEmpty();
    }
    return !(value instanceof None || value instanceof Undefined);
  }

  public static long length(Object value) {
    if (isText(value)) {
      return Texts.length(text(value));
    }
    if (value instanceof Dict dict) {
      return dict.size();
    }
    if (value instanceof Sequence sequence) {
      return sequence.items().size();
    }
    if (value instanceof Undefined) {
      return 0;
    }
    throw new TemplateException("object of type '" + typeName(value) + "' has no len()");
  }

  public static boolean isIterable(Object value) {
    return isText(value)
        || value instanceof Dict
        || value instanceof Sequence
        || value instanceof Undefined;
  }

  /** What {@code for} goes through: characters, keys, items. */
  public static List<Object> iterate(Object value) {
    if (value instanceof Sequence sequence) {
      return sequence.iterate();
    }
    if (value instanceof Dict dict) {
      return dict.keys();
    }
    if (isText(value)) {
      return Texts.characters(text(value));
    }
    if (value instanceof Undefined) {
      return List.of();
    }
    throw new TemplateException("'" + typeName(value) + "' object is not iterable");
  }

  public static boolean equal(Object a, Object b) {
    if (isText(a) && isText(b)) {
      return text(a).text().equals(text(b).text());
    }
    if (isNumber(a) && isNumber(b)) {
      return Numbers.compare(a, b) == 0 && !Numbers.isNan(a);
    }
    if (a instanceof Sequence left && b instanceof Sequence right && left.isIndexed()) {
      return left.kind() == right.kind() && equalItems(left.items(), right.items());
    }
    if (a instanceof Dict left && b instanceof Dict right) {
      return left.size() == right.size()
          && left.keys().stream()
              .allMatch(k -> right.get(k) != null && equal(left.get(k), right.get(k)));
    }
    return a instanceof Undefined && b instanceof Undefined || a == b;
  }

  private static boolean equalItems(List<Object> a, List<Object> b) {
    if (a.size() != b.size()) {
      return false;
    }
    for (int i = 0; i < a.size(); i++) {
      if (!equal(a.get(i), b.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** Less than 0, 0 or more than 0, as {@code <} of Python tells. */
  public static int compare(Object a, Object b) {
    if (isNumber(a) && isNumber(b)) {
      return Numbers.compare(a, b);
    }
    if (isText(a) && isText(b)) {
      return Texts.compare(text(a).text(), text(b).text());
    }
    if (a instanceof Sequence left
        && b instanceof Sequence right
        && left.isIndexed()
        && left.kind() == right.kind()) {
      List<Object> leftItems = left.items();
      List<Object> rightItems = right.items();
      for (int i = 0; i < Math.min(leftItems.size(), rightItems.size()); i++) {
        if (!equal(leftItems.get(i), rightItems.get(i))) {
          return compare(leftItems.get(i), rightItems.get(i));
        }
      }
      return Integer.compare(leftItems.size(), rightItems.size());
    }
    rejectUndefined(a);
    rejectUndefined(b);
    throw new TemplateException(
        "cannot order '" + typeName(a) + "' and '" + typeName(b) + "' values");
  }

  /** The operator {@code in}. */
  public static boolean contains(Object container, Object item) {
    if (isText(container)) {
      rejectUndefined(item);
      return text(container).text().contains(requireText(item, "in").text());
    }
    if (container instanceof Dict dict) {
      return dict.get(item) != null;
    }
    return iterate(container).stream().anyMatch(each -> equal(each, item));
  }

  public static void rejectUndefined(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.failure();
    }
  }

  /** An integer that counts or points. */
  public static int toIndex(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? 1 : 0;
    }
    if (value instanceof Long number) {
      return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, number));
    }
    rejectUndefined(value);
    throw new TemplateException("expected an integer, found " + described(value));
  }

  /** The item or character at an index or key, or null if there is none. */
  public static Object item(Object owner, Object key) {
    if (owner instanceof Dict dict) {
      return dict.get(key);
    }
    boolean integer = key instanceof Long || key instanceof Boolean;
    if (owner instanceof Sequence sequence && sequence.isIndexed() && integer) {
      int size = sequence.items().size();
      int index = toIndex(key);
      int from = index < 0 ? index + size : index;
      return from >= 0 && from < size ? sequence.items().get(from) : null;
    }
    return isText(owner) && integer ? Texts.character(text(owner), toIndex(key)) : null;
  }

  /** {@code owner[start:stop:step]}; each part may be None. */
  public static Object slice(Object owner, Object start, Object stop, Object step) {
    int stride = step instanceof None ? 1 : toIndex(step);
    if (stride == 0) {
      throw new TemplateException("slice step cannot be zero");
    }
    boolean sequence = owner instanceof Sequence s && s.isIndexed();
    if (!sequence && !isText(owner)) {
      return null;
    }
    int size = (int) length(owner);
    int from = bound(start, stride > 0 ? 0 : size - 1, size, stride);
    int to = bound(stop, stride > 0 ? size : -1, size, stride);
    if (isText(owner)) {
      return Texts.slice(text(owner), from, to, stride);
    }
    List<Object> items = ((Sequence) owner).items();
    List<Object> picked = new ArrayList<>();
    for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
      picked.add(items.get((int) i));
    }
    return Sequence.of(((Sequence) owner).kind(), picked);
  }

  private static int bound(Object given, int absent, int size, int stride) {
    if (given instanceof None) {
      return absent;
    }
    int index = toIndex(given);
    int lowest = stride > 0 ? 0 : -1;
    int highest = stride > 0 ? size : size - 1;
    int from = index < 0 ? Math.max(index + size, lowest) : index;
    return Math.min(Math.max(from, lowest), highest);
  }
}
