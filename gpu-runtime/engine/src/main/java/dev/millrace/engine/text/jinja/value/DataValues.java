package dev.millrace.engine.text.jinja.value;

import dev.millrace.engine.text.taint.TaintedText;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Turns plain Java data into template values; every string in it counts as data. */
public final class DataValues {
  /** Deeper nesting is no conversation, and printing goes as deep as the data. */
  private static final int DEPTH_MAX = 64;

  private DataValues() {}

  /**
   * @param value null, a string, boolean or number, or a list or map (by string) of such
   * @throws TemplateException if it is anything else, nested too deeply, or an integer beyond 64
   *     bits
   */
  public static Object of(Object value) {
    return of(value, 0);
  }

  private static Object of(Object value, int depth) {
    if (depth > DEPTH_MAX) {
      throw new TemplateException("data is nested deeper than " + DEPTH_MAX);
    }
    if (value == null) {
      return None.NONE;
    }
    if (value instanceof CharSequence text) {
      return TaintedText.data(text.toString());
    }
    if (value instanceof Boolean) {
      return value;
    }
    if (value instanceof Number number) {
      return number(number);
    }
    if (value instanceof Map<?, ?> map) {
      Dict dict = new Dict();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        dict.put(TaintedText.data(String.valueOf(entry.getKey())), of(entry.getValue(), depth + 1));
      }
      return dict;
    }
    if (value instanceof Collection<?> collection) {
      List<Object> items = new ArrayList<>(collection.size());
      for (Object item : collection) {
        items.add(of(item, depth + 1));
      }
      return Sequence.list(items);
    }
    throw new TemplateException(
        "expected text, numbers, lists and maps, found a " + value.getClass().getSimpleName());
  }

  private static Object number(Number number) {
    if (number instanceof Double || number instanceof Float || number instanceof BigDecimal) {
      return number.doubleValue();
    }
    if (number instanceof BigInteger big && big.bitLength() > 63) {
      throw new TemplateException("the integer " + big + " does not fit 64 bits");
    }
    return number.longValue();
  }
}
