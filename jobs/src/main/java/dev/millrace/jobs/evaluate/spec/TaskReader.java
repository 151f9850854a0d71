package dev.millrace.jobs.evaluate.spec;

import dev.millrace.api.request.SamplingSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.snakeyaml.engine.v2.nodes.MappingNode;

/** Reads one task of a spec, laid over the ready task it uses, if any. */
final class TaskReader {
  /** What holds where a spec sets no gate. */
  static final List<PlacedText> DEFAULT_GATE =
      List.of(
          builtIn("fail if change < 0 and adjusted_p < 0.05"),
          builtIn("fail if flaky > 0"),
          builtIn("warn if change.high < 0"));

  private static final Set<String> DEEP_KEYS = Set.of("data", "few_shot", "sampling", "choices");
  private static final int REPEATS_MAX = 1000;
  private static final int WINDOW_MAX = 1 << 20;

  private final DataReader data;
  private final List<String> used = new ArrayList<>();

  TaskReader(Path folder) {
    this.data = new DataReader(folder);
  }

  private static PlacedText builtIn(String rule) {
    return new PlacedText("gate", rule, new Place("the default gate", 1, 1));
  }

  /** The texts of the ready tasks that were read. */
  List<String> used() {
    return used;
  }

  TaskSpec read(SpecValue value, List<String> suiteTags, List<PlacedText> gate, long seed) {
    Section own = value.section();
    Optional<SpecValue> use = own.optional("use");
    if (use.isEmpty()) {
      return task(own, suiteTags, gate, seed);
    }
    MappingNode merged = merged(value, use.get());
    return task(new Section(value.key(), merged), suiteTags, gate, seed);
  }

  private MappingNode merged(SpecValue value, SpecValue use) {
    String name = use.text();
    String yaml =
        ReadyTasks.yaml(name)
            .orElseThrow(
                () ->
                    use.unexpected("a ready task (" + String.join(", ", ReadyTasks.names()) + ")"));
    used.add(yaml);
    MappingNode ready = SpecTree.parse(yaml, "ready task " + name);
    return SpecTree.overlay(ready, value.mapping(), DEEP_KEYS);
  }

  private TaskSpec task(Section section, List<String> suiteTags, List<PlacedText> gate, long seed) {
    section.has("use");
    RequestType request =
        section
            .optional("request")
            .map(v -> v.word(RequestType.class))
            .orElse(RequestType.GENERATE);
    String name =
        EvaluationSpecReader.checkedName(
            section.has("name") ? section.required("name") : section.required("use"));
    List<String> tags = new ArrayList<>(suiteTags);
    tags.addAll(section.texts("tags"));
    boolean chat = section.flag("chat", request == RequestType.GENERATE);
    SamplingSettings sampling =
        section
            .optional("sampling")
            .map(v -> OptionValues.sampling(v.section()))
            .orElse(SamplingSettings.greedy());
    DataSpec rows = data.read(section.required("data").section(), List.of());
    TaskSpec task =
        new TaskSpec(
            name,
            tags.stream().distinct().toList(),
            section.text("provenance", null),
            section.text("license", null),
            rows,
            request,
            chat,
            placed(section, "system"),
            placed(section, "preamble"),
            placed(section.required("prompt")),
            section.optional("few_shot").map(v -> fewShot(v.section(), seed, rows)).orElse(null),
            placed(section, "target"),
            placed(section, "targets"),
            section.optional("choices").map(v -> choices(v.section())).orElse(null),
            sampling,
            section.optional("repeats").map(v -> v.small(1, REPEATS_MAX)).orElse(1),
            section.optional("window").map(v -> v.small(2, WINDOW_MAX)).orElse(0),
            section.optional("window_context").map(v -> v.small(1, WINDOW_MAX)).orElse(1),
            section.optional("extract").map(TaskReader::extract).orElse(List.of()),
            metrics(section, request),
            rules(section, "gate").orElse(gate),
            EvaluationSpecReader.share(section, "allowed_failures", 0),
            section.place());
    section.close();
    check(task, section);
    return task;
  }

  private static void check(TaskSpec task, Section section) {
    if (task.request() == RequestType.MULTIPLE_CHOICE && task.choices() == null) {
      throw section.place().error("A multiple_choice task needs 'choices'", "Add them.");
    }
    if (task.request() != RequestType.MULTIPLE_CHOICE && task.choices() != null) {
      throw section
          .required("choices")
          .place()
          .error("'choices' belongs to multiple_choice tasks", "Set request: multiple_choice.");
    }
    if (task.chat() && task.choices() != null && task.choices().context() != null) {
      throw section
          .required("choices")
          .place()
          .error("'context' of choices belongs to plain text", "Set chat: false, or drop it.");
    }
    if (task.request() == RequestType.PERPLEXITY && (task.chat() || task.fewShot() != null)) {
      throw section
          .place()
          .error("A perplexity task scores plain text", "Drop 'chat' and 'few_shot'.");
    }
    if (!task.chat() && task.system() != null) {
      throw section
          .required("system")
          .place()
          .error("'system' belongs to chats", "Set chat: true, or drop it.");
    }
    if (!task.chat() && task.fewShot() != null && task.fewShot().turns()) {
      throw section
          .required("few_shot")
          .place()
          .error("'turns' belongs to chats", "Set chat: true, or drop it.");
    }
  }

  private FewShotSpec fewShot(Section section, long nightSeed, DataSpec rows) {
    List<Map<String, Object>> examples = new ArrayList<>();
    for (SpecValue each : section.optional("examples").map(SpecValue::elements).orElse(List.of())) {
      Map<String, Object> example = new java.util.LinkedHashMap<>();
      Section fields = each.section();
      fields.names().forEach(field -> example.put(field, fields.required(field).plain()));
      examples.add(example);
    }
    Optional<SpecValue> count = section.optional("k");
    int k = count.map(v -> v.small(0, REPEATS_MAX)).orElse(examples.size());
    if (count.isEmpty() && examples.isEmpty()) {
      throw section.place().error("Expected 'k' or 'examples' in few_shot", "Add one of them.");
    }
    FewShotSpec spec =
        new FewShotSpec(
            k,
            section
                .optional("draw")
                .map(v -> v.word(FewShotSpec.Draw.class))
                .orElse(examples.isEmpty() ? FewShotSpec.Draw.SHARED : FewShotSpec.Draw.FIRST),
            section.optional("seed").map(v -> v.whole(0, Long.MAX_VALUE)).orElse(nightSeed),
            section.optional("data").map(v -> data.read(v.section(), rows.columns())).orElse(null),
            examples,
            placed(section, "match"),
            placed(section, "answer"),
            section.text("delimiter", " "),
            section.text("separator", "\n\n"),
            section.flag("turns", false));
    section.close();
    return spec;
  }

  private static ChoicesSpec choices(Section section) {
    Optional<SpecValue> texts = section.optional("texts");
    PlacedText column = placed(section, "column");
    if (texts.isPresent() == (column != null)) {
      throw section
          .place()
          .error("Expected 'column' or 'texts' in choices, one of them", "Name where they stand.");
    }
    List<PlacedText> templates =
        texts.map(v -> v.elements().stream().map(TaskReader::placed).toList()).orElse(List.of());
    ChoicesSpec spec =
        new ChoicesSpec(
            column,
            templates,
            section.text("delimiter", " "),
            placed(section.required("answer")),
            section
                .optional("by")
                .map(v -> v.word(ChoicesSpec.By.class))
                .orElse(ChoicesSpec.By.INDEX),
            section.texts("labels"),
            placed(section, "context"),
            placed(section, "continuation"));
    section.close();
    if ((spec.by() == ChoicesSpec.By.LABEL) == spec.labels().isEmpty()) {
      throw section
          .place()
          .error("Expected 'labels' with by: label, and with nothing else", "Correct one of them.");
    }
    if ((spec.context() == null) != (spec.continuation() == null)) {
      throw section
          .place()
          .error(
              "Expected 'context' and 'continuation' in choices together",
              "Add the other, or drop both.");
    }
    return spec;
  }

  private static List<ExtractSpec> extract(SpecValue value) {
    List<ExtractSpec> found = new ArrayList<>();
    for (SpecValue each : value.elements()) {
      if (!each.isMapping()) {
        ExtractSpec.Kind kind = each.word(ExtractSpec.Kind.class);
        if (kind == ExtractSpec.Kind.REGEX || kind == ExtractSpec.Kind.JSON) {
          throw each.unexpected("'" + each.text() + ": ...' with what to look for");
        }
        found.add(new ExtractSpec(kind, null, 0, false));
        continue;
      }
      Section section = each.section();
      boolean regex = section.has("regex");
      SpecValue argument = regex ? section.required("regex") : section.required("json");
      int group = section.optional("group").map(v -> v.small(0, 99)).orElse(-1);
      boolean last = section.text("take", "first").equals("last");
      section.close();
      found.add(
          new ExtractSpec(
              regex ? ExtractSpec.Kind.REGEX : ExtractSpec.Kind.JSON,
              placed(argument),
              group,
              last));
    }
    return found;
  }

  private static List<MetricSpec> metrics(Section section, RequestType request) {
    Optional<SpecValue> value = section.optional("metrics");
    if (value.isEmpty()) {
      List<String> usual =
          switch (request) {
            case GENERATE -> List.of("exact_match");
            case MULTIPLE_CHOICE -> List.of("acc", "acc_norm");
            case PERPLEXITY -> List.of("word_perplexity", "byte_perplexity", "token_perplexity");
          };
      return usual.stream().map(n -> new MetricSpec(n, Map.of(), section.place())).toList();
    }
    List<MetricSpec> metrics = new ArrayList<>();
    for (SpecValue each : value.get().elements()) {
      if (!each.isMapping()) {
        metrics.add(new MetricSpec(each.text(), Map.of(), each.place()));
        continue;
      }
      Section metric = each.section();
      if (metric.names().size() != 1) {
        throw each.unexpected("one metric, written 'name' or 'name: {option: value}'");
      }
      String name = metric.names().iterator().next();
      Section options = metric.required(name).section();
      Map<String, Object> plain = new java.util.LinkedHashMap<>();
      options.names().forEach(option -> plain.put(option, options.required(option).plain()));
      metrics.add(new MetricSpec(name, plain, each.place()));
    }
    if (metrics.isEmpty()) {
      throw value.get().unexpected("at least one metric");
    }
    return metrics;
  }

  static Optional<List<PlacedText>> rules(Section section, String key) {
    return section
        .optional(key)
        .map(value -> value.elements().stream().map(TaskReader::placed).toList());
  }

  private static PlacedText placed(Section section, String key) {
    return section.optional(key).map(TaskReader::placed).orElse(null);
  }

  static PlacedText placed(SpecValue value) {
    return new PlacedText(value.key(), value.text(), value.place());
  }
}
