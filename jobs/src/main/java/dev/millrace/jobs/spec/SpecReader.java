package dev.millrace.jobs.spec;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.spec.JobSpec.Assignment;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads job specs (YAML 1.2, so JSON too) strictly: a key that is not in {@link JobOption} is an
 * error that names it, its line and the nearest key there is. A value tagged {@code !env} has its
 * {@code ${NAME}} replaced from the environment; no other value has.
 */
public final class SpecReader {
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Za-z_][A-Za-z0-9_]*)}");
  private static final String ENVIRONMENT_TAG = "!env";

  private final Map<String, String> environment;

  public SpecReader(Map<String, String> environment) {
    this.environment = Map.copyOf(environment);
  }

  /**
   * Reads a spec file.
   *
   * @throws CommandException if it cannot be read or says something that is not known
   */
  public List<Assignment> read(Path file) {
    try {
      return parse(Files.readString(file), file.toString());
    } catch (NoSuchFileException e) {
      throw usage("Expected a job spec, found no file " + file, "Check the path.", e);
    } catch (CharacterCodingException e) {
      throw usage("Expected UTF-8 text in " + file, "Save the job spec as UTF-8.", e);
    } catch (IOException e) {
      throw usage("Cannot read the job spec " + file + ": " + e, "Check that it is readable.", e);
    }
  }

  /** Parses the text of a spec; {@code name} says where it came from. */
  public List<Assignment> parse(String yaml, String name) {
    List<Assignment> assignments = new ArrayList<>();
    Optional<Node> root = compose(yaml, name);
    if (root.isPresent()) {
      addMapping(root.get(), "", name, new HashSet<>(), assignments);
    }
    return assignments;
  }

  /** Parses {@code a.b=c}; c is one value, or a YAML list or mapping in brackets or braces. */
  public Assignment parseSet(String text) {
    int equals = text.indexOf('=');
    if (equals < 1) {
      throw CommandException.usage(
          "--set: expected KEY=VALUE, found '" + text + "'",
          "Write for example --set sampling.max_tokens=64.");
    }
    String key = text.substring(0, equals).strip();
    String value = text.substring(equals + 1);
    String origin = "--set " + key;
    JobOption option = JobOption.ofKey(key).orElseThrow(() -> unknown(key, "in --set"));
    boolean structured = value.startsWith("[") || value.startsWith("{");
    if (structured) {
      Node node = compose(value, origin).orElseThrow();
      return assignment(option, node, "in --set", origin);
    }
    return checked(option, List.of(value), "in --set", origin);
  }

  private static Optional<Node> compose(String yaml, String name) {
    try {
      return new Compose(LoadSettings.builder().setLabel(name).build()).composeString(yaml);
    } catch (YamlEngineException e) {
      throw usage("Expected YAML in " + name + ", found: " + e.getMessage(), "Correct it.", e);
    }
  }

  private void addMapping(
      Node node, String prefix, String name, Set<String> seen, List<Assignment> assignments) {
    if (!(node instanceof MappingNode mapping)) {
      throw CommandException.usage(
          "Expected keys and values " + at(node, name) + ", found something else",
          "Write one 'key: value' a line; docs/job-spec.md lists the keys.");
    }
    for (NodeTuple tuple : mapping.getValue()) {
      addEntry(tuple, prefix, name, seen, assignments);
    }
  }

  private void addEntry(
      NodeTuple tuple, String prefix, String name, Set<String> seen, List<Assignment> assignments) {
    Node keyNode = tuple.getKeyNode();
    String where = at(keyNode, name);
    if (!(keyNode instanceof ScalarNode keyScalar)) {
      throw CommandException.usage("Expected a plain key " + where, "Write 'key: value'.");
    }
    String key = prefix + keyScalar.getValue();
    if (!seen.add(key)) {
      throw CommandException.usage("Key '" + key + "' stands twice, again " + where, "Drop one.");
    }
    if (prefix.isEmpty() && sections().contains(key)) {
      addMapping(tuple.getValueNode(), key + ".", name, seen, assignments);
      return;
    }
    JobOption option = JobOption.ofKey(key).orElseThrow(() -> unknown(key, where));
    String origin = name + where.substring(where.lastIndexOf(", line"));
    assignments.add(assignment(option, tuple.getValueNode(), where, origin));
  }

  private Assignment assignment(JobOption option, Node value, String where, String origin) {
    return checked(option, texts(option, value, where), where, origin);
  }

  private static Assignment checked(
      JobOption option, List<String> texts, String where, String origin) {
    try {
      return Assignment.parse(option, texts, origin);
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage() + " (" + where + ")", "Correct the value.", e);
    }
  }

  private List<String> texts(JobOption option, Node node, String where) {
    List<String> texts = new ArrayList<>();
    if (node instanceof SequenceNode sequence && option.type().isRepeatable()) {
      for (Node item : sequence.getValue()) {
        texts.add(scalar(option, item, where));
      }
    } else if (node instanceof MappingNode mapping && option.type().isMapping()) {
      for (NodeTuple tuple : mapping.getValue()) {
        String name = scalar(option, tuple.getKeyNode(), where);
        texts.add(name + "=" + scalar(option, tuple.getValueNode(), where));
      }
    } else {
      texts.add(scalar(option, node, where));
    }
    return texts;
  }

  private String scalar(JobOption option, Node node, String where) {
    if (!(node instanceof ScalarNode value) || node.getTag().equals(Tag.NULL)) {
      throw CommandException.usage(
          option.key() + ": expected " + shape(option) + " " + where + ", found " + kind(node),
          "Give it a value, or drop the key.");
    }
    boolean expand = node.getTag().getValue().equals(ENVIRONMENT_TAG);
    return expand ? expand(value.getValue(), where) : value.getValue();
  }

  private String expand(String text, String where) {
    return VARIABLE
        .matcher(text)
        .replaceAll(
            match -> {
              String value = environment.get(match.group(1));
              if (value == null) {
                throw CommandException.usage(
                    "Environment variable " + match.group(1) + " is not set " + where,
                    "Set it, or drop the !env tag.");
              }
              return Matcher.quoteReplacement(value);
            });
  }

  private static String shape(JobOption option) {
    return option.type().isMapping()
        ? "a mapping"
        : option.type().isRepeatable() ? "a value or a list" : "one value";
  }

  private static String kind(Node node) {
    return node instanceof SequenceNode
        ? "a list"
        : node instanceof MappingNode ? "a mapping" : "nothing";
  }

  private static Set<String> sections() {
    Set<String> sections = new TreeSet<>();
    for (JobOption option : JobOption.values()) {
      int dot = option.key().indexOf('.');
      if (dot > 0) {
        sections.add(option.key().substring(0, dot));
      }
    }
    return sections;
  }

  private static CommandException unknown(String key, String where) {
    Set<String> known = new TreeSet<>();
    for (JobOption option : JobOption.values()) {
      known.add(option.key());
    }
    String remedy =
        Suggestion.nearest(key, known)
            .or(() -> lastPart(key, known))
            .map(nearest -> "Did you mean '" + nearest + "'?")
            .orElse("Keys are listed in docs/job-spec.md.");
    return CommandException.usage("Unknown key '" + key + "' " + where, remedy);
  }

  /** {@code max_tokens} at the top was meant to be {@code sampling.max_tokens}. */
  private static Optional<String> lastPart(String key, Set<String> known) {
    String word = key.substring(key.lastIndexOf('.') + 1);
    return Suggestion.nearest(
            word, known.stream().map(k -> k.substring(k.lastIndexOf('.') + 1)).toList())
        .flatMap(
            last -> known.stream().filter(k -> k.equals(last) || k.endsWith("." + last)).findAny());
  }

  private static String at(Node node, String name) {
    return node.getStartMark()
        .map(mark -> "in " + name + ", line " + (mark.getLine() + 1))
        .orElse("in " + name + ", line ?");
  }

  private static CommandException usage(String message, String remedy, Exception cause) {
    return new CommandException(ExitCode.USAGE, message, remedy, cause);
  }
}
