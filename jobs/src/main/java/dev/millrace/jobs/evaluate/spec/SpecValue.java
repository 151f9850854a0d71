package dev.millrace.jobs.evaluate.spec;

import dev.millrace.jobs.outcome.CommandException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** A value of a spec that knows its key and its place, and refuses to be what it is not. */
final class SpecValue {
  private final String key;
  private final Node node;

  SpecValue(String key, Node node) {
    this.key = key;
    this.node = node;
  }

  String key() {
    return key;
  }

  Place place() {
    return Place.of(node);
  }

  boolean isMapping() {
    return node instanceof MappingNode;
  }

  boolean isList() {
    return node instanceof SequenceNode;
  }

  /** A mapping whose keys are then asked for one by one. */
  Section section() {
    if (node instanceof MappingNode mapping) {
      return new Section(key, mapping);
    }
    throw unexpected("keys and values");
  }

  /** The mapping itself, to be laid over another. */
  MappingNode mapping() {
    if (node instanceof MappingNode mapping) {
      return mapping;
    }
    throw unexpected("keys and values");
  }

  /** The elements of a list; a single value counts as a list of one. */
  List<SpecValue> elements() {
    if (!(node instanceof SequenceNode sequence)) {
      return List.of(this);
    }
    List<SpecValue> values = new ArrayList<>();
    for (Node each : sequence.getValue()) {
      values.add(new SpecValue(key + "[" + values.size() + "]", each));
    }
    return values;
  }

  String text() {
    if (node instanceof ScalarNode scalar && !node.getTag().equals(Tag.NULL)) {
      return scalar.getValue();
    }
    throw unexpected("text");
  }

  List<String> texts() {
    return elements().stream().map(SpecValue::text).toList();
  }

  double number() {
    String text = text();
    boolean share = text.endsWith("%");
    try {
      double value = Double.parseDouble(share ? text.substring(0, text.length() - 1) : text);
      if (Double.isFinite(value)) {
        return share ? value / 100 : value;
      }
    } catch (NumberFormatException e) {
      throw unexpected("a number", e);
    }
    throw unexpected("a number");
  }

  long whole(long least, long most) {
    long value;
    try {
      value = new BigDecimal(text().strip()).longValueExact();
    } catch (NumberFormatException | ArithmeticException e) {
      throw unexpected("a whole number", e);
    }
    if (value < least || value > most) {
      throw unexpected("a whole number from " + least + " to " + most);
    }
    return value;
  }

  int small(int least, int most) {
    return Math.toIntExact(whole(least, most));
  }

  boolean flag() {
    return switch (text().toLowerCase(Locale.ROOT)) {
      case "true", "yes", "on" -> true;
      case "false", "no", "off" -> false;
      default -> throw unexpected("true or false");
    };
  }

  /** One of the words of an enum, in lower case. */
  <E extends Enum<E>> E word(Class<E> type) {
    String text = text();
    List<String> words = new ArrayList<>();
    for (E each : type.getEnumConstants()) {
      String word = each.name().toLowerCase(Locale.ROOT);
      if (word.equals(text)) {
        return each;
      }
      words.add(word);
    }
    throw unexpected("one of " + String.join(", ", words));
  }

  /** The value as plain data: maps, lists, text, numbers, booleans, null. */
  Object plain() {
    if (node instanceof MappingNode mapping) {
      Map<String, Object> map = new LinkedHashMap<>();
      for (NodeTuple tuple : mapping.getValue()) {
        String name = new SpecValue(key, tuple.getKeyNode()).text();
        map.put(name, new SpecValue(key + "." + name, tuple.getValueNode()).plain());
      }
      return map;
    }
    if (node instanceof SequenceNode) {
      return new ArrayList<>(elements().stream().map(SpecValue::plain).toList());
    }
    if (node.getTag().equals(Tag.NULL)) {
      return null;
    }
    String text = text();
    if (node.getTag().equals(Tag.INT)) {
      return Long.valueOf(text);
    }
    if (node.getTag().equals(Tag.FLOAT)) {
      return Double.valueOf(text);
    }
    return node.getTag().equals(Tag.BOOL) ? (Object) Boolean.valueOf(text) : text;
  }

  CommandException unexpected(String expected) {
    return unexpected(expected, null);
  }

  CommandException unexpected(String expected, Throwable cause) {
    return place()
        .error(key + ": expected " + expected + ", found " + found(), "Correct the value.", cause);
  }

  private String found() {
    if (node instanceof ScalarNode scalar) {
      return node.getTag().equals(Tag.NULL) ? "nothing" : "'" + scalar.getValue() + "'";
    }
    return node instanceof SequenceNode ? "a list" : "keys and values";
  }
}
