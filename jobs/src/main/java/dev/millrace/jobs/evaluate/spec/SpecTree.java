package dev.millrace.jobs.evaluate.spec;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;

/** YAML text to nodes that know their file, line and column; one mapping laid over another. */
final class SpecTree {
  private static final int TEXT_CHARACTERS_MAX = 8 << 20;

  private SpecTree() {}

  static MappingNode parse(String yaml, String file) {
    LoadSettings settings =
        LoadSettings.builder().setLabel(file).setCodePointLimit(TEXT_CHARACTERS_MAX).build();
    try {
      Node root =
          new Compose(settings)
              .composeString(yaml)
              .orElseThrow(
                  () -> new Place(file, 1, 1).error("Expected a spec, found none", "Write one."));
      if (root instanceof MappingNode mapping) {
        return mapping;
      }
      throw Place.of(root)
          .error("Expected keys and values, found something else", "Write 'key: value' lines.");
    } catch (MarkedYamlEngineException e) {
      Place place =
          e.getProblemMark()
              .map(mark -> new Place(file, mark.getLine() + 1, mark.getColumn() + 1))
              .orElse(new Place(file, 1, 1));
      throw place.error("Expected YAML, found: " + e.getProblem(), "Correct it.", e);
    } catch (YamlEngineException e) {
      throw new CommandException(
          ExitCode.USAGE,
          "Expected YAML in " + file + ", found: " + e.getMessage(),
          "Correct it.",
          e);
    }
  }

  /**
   * One mapping laid over another: keys of the upper one win; where both hold a mapping under one
   * of the given keys, these are laid over each other too.
   */
  static MappingNode overlay(MappingNode lower, MappingNode upper, Set<String> deepKeys) {
    Map<String, NodeTuple> merged = new LinkedHashMap<>();
    for (NodeTuple tuple : lower.getValue()) {
      merged.put(name(tuple), tuple);
    }
    for (NodeTuple tuple : upper.getValue()) {
      String name = name(tuple);
      NodeTuple below = merged.get(name);
      if (below != null
          && deepKeys.contains(name)
          && below.getValueNode() instanceof MappingNode lowerMapping
          && tuple.getValueNode() instanceof MappingNode upperMapping) {
        merged.put(
            name, new NodeTuple(tuple.getKeyNode(), overlay(lowerMapping, upperMapping, deepKeys)));
      } else {
        merged.put(name, tuple);
      }
    }
    List<NodeTuple> tuples = new ArrayList<>(merged.values());
    return new MappingNode(
        upper.getTag(),
        true,
        tuples,
        upper.getFlowStyle(),
        upper.getStartMark(),
        upper.getEndMark());
  }

  private static String name(NodeTuple tuple) {
    if (tuple.getKeyNode() instanceof ScalarNode scalar) {
      return scalar.getValue();
    }
    throw Place.of(tuple.getKeyNode())
        .error("Expected a plain key, found a structure", "Write 'key: value'.");
  }
}
