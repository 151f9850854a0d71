package dev.millrace.jobs.evaluate.spec;

import dev.millrace.jobs.spec.Suggestion;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/**
 * One mapping of a spec. Every key that is asked for becomes known; {@link #close} refuses the rest
 * with the nearest known one, so that the list of keys cannot differ from what is read.
 */
final class Section {
  private final String path;
  private final MappingNode node;
  private final Map<String, Node> keys = new LinkedHashMap<>();
  private final Map<String, Node> values = new LinkedHashMap<>();
  private final Set<String> known = new TreeSet<>();

  Section(String path, MappingNode node) {
    this.path = path;
    this.node = node;
    for (NodeTuple tuple : node.getValue()) {
      Node key = tuple.getKeyNode();
      if (!(key instanceof ScalarNode scalar)) {
        throw Place.of(key).error("Expected a plain key, found a structure", "Write 'key: value'.");
      }
      if (values.put(scalar.getValue(), tuple.getValueNode()) != null) {
        throw Place.of(key).error("Key '" + scalar.getValue() + "' stands twice", "Drop one.");
      }
      keys.put(scalar.getValue(), key);
    }
  }

  String path() {
    return path;
  }

  Place place() {
    return Place.of(node);
  }

  boolean has(String key) {
    known.add(key);
    return values.containsKey(key);
  }

  /** The names of all keys, which become known. */
  Set<String> names() {
    known.addAll(values.keySet());
    return values.keySet();
  }

  Optional<SpecValue> optional(String key) {
    known.add(key);
    Node value = values.get(key);
    return value == null ? Optional.empty() : Optional.of(new SpecValue(name(key), value));
  }

  SpecValue required(String key) {
    return optional(key)
        .orElseThrow(
            () ->
                place()
                    .error(
                        "Expected a key '" + name(key) + "', found none",
                        "Add it; docs/evaluation.md lists the keys."));
  }

  String text(String key, String ifAbsent) {
    return optional(key).map(SpecValue::text).orElse(ifAbsent);
  }

  List<String> texts(String key) {
    return optional(key).map(SpecValue::texts).orElse(List.of());
  }

  boolean flag(String key, boolean ifAbsent) {
    return optional(key).map(SpecValue::flag).orElse(ifAbsent);
  }

  /** Refuses keys that nobody asked for. */
  void close() {
    for (Map.Entry<String, Node> key : keys.entrySet()) {
      if (!known.contains(key.getKey())) {
        throw Place.of(key.getValue())
            .error(
                "Unknown key '" + name(key.getKey()) + "'",
                Suggestion.nearest(key.getKey(), known)
                    .map(nearest -> "Did you mean '" + nearest + "'?")
                    .orElse("Here stand " + String.join(", ", known) + "."));
      }
    }
  }

  private String name(String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
