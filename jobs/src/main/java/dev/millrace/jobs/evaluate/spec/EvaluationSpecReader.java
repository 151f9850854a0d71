package dev.millrace.jobs.evaluate.spec;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.model.ModelChoice;
import dev.millrace.jobs.model.ModelChoice.Kind;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.nodes.MappingNode;

/** Reads the spec of a night (YAML 1.2), strictly. {@code docs/evaluation.md} is its reference. */
public final class EvaluationSpecReader {
  private static final int CHUNK_ROWS_DEFAULT = 512;
  private static final int CHUNK_ROWS_MAX = 4096;

  private EvaluationSpecReader() {}

  /**
   * Reads a spec file; paths in it are relative to its folder.
   *
   * @throws CommandException if it cannot be read or says something that is not known, with line
   *     and column
   */
  public static EvaluationSpec read(Path file) {
    try {
      Path folder = file.toAbsolutePath().normalize().getParent();
      return parse(Files.readString(file), file.toString(), folder);
    } catch (NoSuchFileException e) {
      throw usage("Expected an evaluation spec, found no file " + file, "Check the path.", e);
    } catch (CharacterCodingException e) {
      throw usage("Expected UTF-8 text in " + file, "Save the spec as UTF-8.", e);
    } catch (IOException e) {
      throw usage("Cannot read the spec " + file + ": " + e, "Check that it is readable.", e);
    }
  }

  /** Parses the text of a spec; {@code name} says where it came from. */
  public static EvaluationSpec parse(String yaml, String name, Path folder) {
    MappingNode root = SpecTree.parse(yaml, name);
    Section top = new Section("", root);
    TaskReader tasks = new TaskReader(folder);
    List<ModelSpec> models = models(top, folder);
    List<PlacedText> gate = TaskReader.rules(top, "gate").orElse(TaskReader.DEFAULT_GATE);
    long seed = top.optional("seed").map(v -> v.whole(0, Long.MAX_VALUE)).orElse(0L);
    List<SuiteSpec> suites = suites(top, models, gate, seed, tasks);
    Optional<Section> cost = top.optional("cost").map(SpecValue::section);
    Double perHour = cost.map(c -> c.required("per_hour").number()).orElse(null);
    String currency = cost.map(c -> c.text("currency", "USD")).orElse(null);
    cost.ifPresent(Section::close);
    double recheck = share(top, "recheck", 0);
    int chunkRows =
        top.optional("chunk_rows").map(v -> v.small(1, CHUNK_ROWS_MAX)).orElse(CHUNK_ROWS_DEFAULT);
    List<String> beam = OptionValues.beamArguments(top);
    List<Path> jars = new ArrayList<>();
    List<byte[]> contents = new ArrayList<>();
    top.optional("metric_jars").ifPresent(v -> jars(v, folder, jars, contents));
    tasks.used().forEach(text -> contents.add(text.getBytes(StandardCharsets.UTF_8)));
    String specName = top.required("name").text();
    top.close();
    return new EvaluationSpec(
        specName,
        seed,
        models,
        suites,
        recheck,
        perHour,
        currency,
        chunkRows,
        beam,
        jars,
        yaml,
        fingerprint(yaml, contents));
  }

  /** Reads the jars too: a night goes on with the metrics that it began with. */
  private static void jars(SpecValue value, Path folder, List<Path> jars, List<byte[]> contents) {
    for (SpecValue each : value.elements()) {
      Path jar = folder.resolve(each.text()).normalize();
      try {
        contents.add(Files.readAllBytes(jar));
      } catch (IOException e) {
        throw each.place().error("Cannot read the jar " + jar + ": " + e, "Check the path.", e);
      }
      jars.add(jar);
    }
  }

  private static List<ModelSpec> models(Section top, Path folder) {
    Optional<SpecValue> value = top.optional("models");
    if (value.isEmpty()) {
      return List.of(
          new ModelSpec(
              "sample",
              new ModelChoice(Kind.SAMPLE, null),
              EngineSettings.defaults(),
              TextSettings.defaults()));
    }
    List<ModelSpec> models = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (SpecValue each : value.get().elements()) {
      ModelSpec model = model(each.section(), folder);
      if (!names.add(model.name())) {
        throw each.place().error("Model '" + model.name() + "' stands twice", "Rename one.");
      }
      models.add(model);
    }
    if (models.isEmpty()) {
      throw value.get().unexpected("at least one model");
    }
    return models;
  }

  private static ModelSpec model(Section section, Path folder) {
    String name = name(section);
    Optional<SpecValue> workspace = section.optional("workspace");
    Optional<SpecValue> checkpoint = section.optional("model");
    if (workspace.isPresent() && checkpoint.isPresent()) {
      throw checkpoint.get().place().error("Expected workspace or model, found both", "Drop one.");
    }
    ModelChoice choice = new ModelChoice(Kind.SAMPLE, null);
    if (workspace.isPresent()) {
      choice = new ModelChoice(Kind.WORKSPACE, folder.resolve(workspace.get().text()).normalize());
    } else if (checkpoint.isPresent()) {
      choice =
          new ModelChoice(Kind.CHECKPOINT, folder.resolve(checkpoint.get().text()).normalize());
    }
    EngineSettings engine =
        section
            .optional("engine")
            .map(v -> OptionValues.engine(v.section()))
            .orElse(EngineSettings.defaults());
    TextSettings text = OptionValues.text(section);
    section.close();
    return new ModelSpec(name, choice, engine, text);
  }

  private static List<SuiteSpec> suites(
      Section top, List<ModelSpec> models, List<PlacedText> gate, long seed, TaskReader tasks) {
    List<SuiteSpec> suites = new ArrayList<>();
    Set<String> names = new HashSet<>();
    SpecValue list = top.required("suites");
    for (SpecValue each : list.elements()) {
      Section section = each.section();
      String name = name(section);
      if (!names.add(name)) {
        throw each.place().error("Suite '" + name + "' stands twice", "Rename one.");
      }
      List<String> chosen = chosenModels(section, models);
      List<String> tags = section.texts("tags");
      List<PlacedText> rules = TaskReader.rules(section, "gate").orElse(gate);
      List<TaskSpec> found = new ArrayList<>();
      Set<String> taskNames = new HashSet<>();
      for (SpecValue task : section.required("tasks").elements()) {
        TaskSpec spec = tasks.read(task, tags, rules, seed);
        if (!taskNames.add(spec.name())) {
          throw task.place().error("Task '" + spec.name() + "' stands twice", "Give one a name.");
        }
        found.add(spec);
      }
      section.close();
      suites.add(new SuiteSpec(name, chosen, found));
    }
    if (suites.isEmpty()) {
      throw list.unexpected("at least one suite");
    }
    return suites;
  }

  private static List<String> chosenModels(Section section, List<ModelSpec> models) {
    List<String> all = models.stream().map(ModelSpec::name).toList();
    Optional<SpecValue> chosen = section.optional("models");
    if (chosen.isEmpty()) {
      return all;
    }
    for (SpecValue each : chosen.get().elements()) {
      if (!all.contains(each.text())) {
        throw each.unexpected("the name of a model (" + String.join(", ", all) + ")");
      }
    }
    return chosen.get().texts();
  }

  /** A name that can be part of a file name. */
  static String name(Section section) {
    SpecValue value = section.required("name");
    return checkedName(value);
  }

  static String checkedName(SpecValue value) {
    String name = value.text();
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw value.unexpected("a name of letters, digits, '.', '_' and '-', at most 64 characters");
    }
    return name;
  }

  static double share(Section section, String key, double ifAbsent) {
    Optional<SpecValue> value = section.optional(key);
    if (value.isEmpty()) {
      return ifAbsent;
    }
    double share = value.get().number();
    if (share < 0 || share > 1) {
      throw value.get().unexpected("a share from 0 to 1");
    }
    return share;
  }

  private static String fingerprint(String yaml, List<byte[]> others) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(yaml.getBytes(StandardCharsets.UTF_8));
      for (byte[] other : others) {
        digest.update((byte) 0);
        digest.update(other);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static CommandException usage(String message, String remedy, Exception cause) {
    return new CommandException(ExitCode.USAGE, message, remedy, cause);
  }
}
