package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.ModelChoice;
import dev.millrace.jobs.model.ModelChoice.Kind;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.progress.ProgressStyle;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Turns a {@link JobSpec} into settings of pipeline and engine; touches no file. */
public final class JobComposer {
  /** Names the workspace to run where none is given. */
  public static final String WORKSPACE_VARIABLE = "MILLRACE_WORKSPACE";

  private static final String DIRECT = "direct";
  private static final Set<String> HOST_BACKENDS = Set.of("cpu", "reference");

  private final Console console;

  public JobComposer(Console console) {
    this.console = console;
  }

  /**
   * Composes a job.
   *
   * @throws CommandException if something is missing, contradicts itself or is out of range
   */
  public ComposedJob compose(JobSpec spec) {
    List<String> notices = new ArrayList<>();
    ModelChoice model = model(spec, notices);
    try {
      return new ComposedJob(
          job(spec, notices),
          engine(spec),
          text(spec),
          model,
          PlacementComposer.compose(spec),
          ProgressStyle.of(spec.text(JobOption.PROGRESS), console.terminal()),
          notices);
    } catch (JobException e) {
      throw new CommandException(ExitCode.USAGE, e.getMessage(), "", e);
    } catch (IllegalArgumentException e) {
      throw new CommandException(
          ExitCode.USAGE, e.getMessage() + origin(spec, e.getMessage()), "Correct the value.", e);
    }
  }

  /** Records name the field first; this finds who set it. */
  private static String origin(JobSpec spec, String message) {
    int colon = message.indexOf(':');
    String field = colon < 0 ? "" : message.substring(0, colon);
    for (JobOption option : JobOption.values()) {
      String key = option.key();
      if ((key.equals(field) || key.endsWith("." + field)) && spec.isGiven(option)) {
        return " (from " + spec.origin(option) + ")";
      }
    }
    return "";
  }

  private ModelChoice model(JobSpec spec, List<String> notices) {
    String workspace = spec.text(JobOption.WORKSPACE);
    String checkpoint = spec.text(JobOption.MODEL_CHECKPOINT);
    if (workspace != null && checkpoint != null) {
      throw CommandException.usage(
          "Expected --workspace or --model, found both ("
              + spec.origin(JobOption.WORKSPACE)
              + ": "
              + workspace
              + ", "
              + spec.origin(JobOption.MODEL_CHECKPOINT)
              + ": "
              + checkpoint
              + ")",
          "Drop one.");
    }
    if (workspace != null) {
      return new ModelChoice(Kind.WORKSPACE, Path.of(workspace));
    }
    if (checkpoint != null) {
      return new ModelChoice(Kind.CHECKPOINT, Path.of(checkpoint));
    }
    String variable = console.variable(WORKSPACE_VARIABLE);
    if (variable != null) {
      notices.add("No --workspace given: taking " + variable + " from " + WORKSPACE_VARIABLE + ".");
      return new ModelChoice(Kind.WORKSPACE, Path.of(variable));
    }
    notices.add("No --workspace given: taking the sample model, tiny-qwen2.5 (11.5 M parameters).");
    return new ModelChoice(Kind.SAMPLE, null);
  }

  private static JobSettings job(JobSpec spec, List<String> notices) {
    List<String> inputs = spec.texts(JobOption.INPUT);
    if (inputs.isEmpty()) {
      throw CommandException.usage(
          "Expected an input, found none", "Name one: --input prompts.parquet.");
    }
    return new JobSettings(
        inputs,
        columns(spec),
        spec.text(JobOption.SYSTEM_PROMPT),
        spec.flag(JobOption.RAW_PROMPT),
        sampling(spec),
        longOrOpen(spec, JobOption.LIMIT),
        output(spec, inputs, notices),
        spec.smallInteger(JobOption.CHUNK_ROWS, 0),
        spec.decimal(JobOption.ALLOWED_FAILURES),
        spec.flag(JobOption.RESUME),
        intOrOpen(spec, JobOption.WORKERS),
        beamArguments(spec));
  }

  /**
   * How prompts are read.
   *
   * @throws IllegalArgumentException if template variables are given that no template would see
   */
  public static TextSettings text(JobSpec spec) {
    Map<String, Object> variables = new TreeMap<>();
    spec.pairs(JobOption.TEMPLATE_VARIABLES)
        .forEach((name, value) -> variables.put(name, TemplateValue.of(value)));
    if (spec.flag(JobOption.RAW_PROMPT) && !variables.isEmpty()) {
      throw new IllegalArgumentException(
          "template_variables: expected none beside raw_prompt, which leaves out the template that"
              + " would see them, found "
              + String.join(", ", variables.keySet()));
    }
    return TextSettings.defaults()
        .withParseSpecialTokens(spec.flag(JobOption.PARSE_SPECIAL_TOKENS))
        .withTemplateVariables(variables);
  }

  /** What Beam is told: its runner, and options of its own. */
  public static List<String> beamArguments(JobSpec spec) {
    List<String> arguments = new ArrayList<>();
    if (spec.text(JobOption.RUNNER).equals(DIRECT)) {
      arguments.add("--runner=DirectRunner");
    }
    arguments.addAll(spec.texts(JobOption.BEAM));
    return arguments;
  }

  private static ColumnSettings columns(JobSpec spec) {
    return new ColumnSettings(
        spec.text(JobOption.PROMPT_COLUMN),
        spec.text(JobOption.MESSAGES_COLUMN),
        spec.text(JobOption.TOKEN_IDS_COLUMN),
        spec.text(JobOption.ID_COLUMN),
        spec.text(JobOption.CONTINUATION_COLUMN),
        spec.text(JobOption.SETTINGS_COLUMN),
        spec.pairs(JobOption.OVERRIDES));
  }

  private static OutputSettings output(JobSpec spec, List<String> inputs, List<String> notices) {
    String folder = spec.text(JobOption.OUTPUT);
    if (folder == null) {
      folder = DefaultOutput.beside(inputs.get(0)).toString();
      notices.add("No --output given: writing to " + folder + ".");
    }
    return new OutputSettings(
        folder,
        OutputFormat.valueOf(spec.text(JobOption.OUTPUT_FORMAT).toUpperCase(Locale.ROOT)),
        spec.text(JobOption.OUTPUT_COLUMN),
        spec.flag(JobOption.OUTPUT_TOKEN_IDS),
        spec.flag(JobOption.KEEP_WORK_FILES));
  }

  /** The sampling settings of a spec. */
  public static SamplingSettings sampling(JobSpec spec) {
    return SamplingSettings.builder()
        .maxTokens(spec.smallInteger(JobOption.MAX_TOKENS, 0))
        .minTokens(spec.smallInteger(JobOption.MIN_TOKENS, 0))
        .temperature(spec.decimal(JobOption.TEMPERATURE))
        .topK(spec.smallInteger(JobOption.TOP_K, 0))
        .topP(spec.decimal(JobOption.TOP_P))
        .minP(spec.decimal(JobOption.MIN_P))
        .repetitionPenalty(spec.decimal(JobOption.REPETITION_PENALTY))
        .presencePenalty(spec.decimal(JobOption.PRESENCE_PENALTY))
        .frequencyPenalty(spec.decimal(JobOption.FREQUENCY_PENALTY))
        .logitBias(spec.biases(JobOption.LOGIT_BIAS))
        .badWords(spec.texts(JobOption.BAD_WORDS))
        .stop(spec.texts(JobOption.STOP))
        .stopTokenIds(spec.integers(JobOption.STOP_TOKEN_IDS))
        .includeStop(spec.flag(JobOption.INCLUDE_STOP))
        .ignoreEos(spec.flag(JobOption.IGNORE_EOS))
        .skipSpecialTokens(spec.flag(JobOption.SKIP_SPECIAL_TOKENS))
        .seed((Long) spec.value(JobOption.SEED))
        .n(spec.smallInteger(JobOption.N, 1))
        .logprobs(optionalInteger(spec, JobOption.LOGPROBS))
        .promptLogprobs(optionalInteger(spec, JobOption.PROMPT_LOGPROBS))
        .build();
  }

  private static Integer optionalInteger(JobSpec spec, JobOption option) {
    return spec.has(option) ? (Integer) spec.smallInteger(option, 0) : null;
  }

  /**
   * How the engine is set up; leaves open what depends on the backend.
   *
   * @throws IllegalArgumentException naming the field that is out of range
   */
  public static EngineSettings engine(JobSpec spec) {
    checkBackend(spec);
    List<Integer> devices = spec.integers(JobOption.DEVICES);
    boolean ranksByDevices = !devices.isEmpty() && !spec.isGiven(JobOption.TP);
    return new EngineSettings(
        spec.text(JobOption.BACKEND),
        ranksByDevices ? devices.size() : atLeastOne(spec, JobOption.TP),
        intOrOpen(spec, JobOption.BATCH_SIZE),
        intOrOpen(spec, JobOption.STEP_TOKENS),
        kvCacheBytes(spec),
        intOrOpen(spec, JobOption.MAX_MODEL_LEN),
        spec.flag(JobOption.PREFIX_CACHING),
        intOrOpen(spec, JobOption.THREADS),
        Math.multiplyExact(atLeastOne(spec, JobOption.STEP_TIMEOUT), 1000L),
        devices,
        longOrOpen(spec, JobOption.GPU_MEMORY),
        memoryFraction(spec),
        spec.flag(JobOption.BATCH_INVARIANT),
        KvCacheType.valueOf(spec.text(JobOption.KV_CACHE_TYPE).toUpperCase(Locale.ROOT)));
  }

  private static void checkBackend(JobSpec spec) {
    String backend = spec.text(JobOption.BACKEND);
    for (JobOption option : List.of(JobOption.DEVICES, JobOption.GPU_MEMORY)) {
      if (spec.has(option) && HOST_BACKENDS.contains(backend)) {
        throw new IllegalArgumentException(
            "%s: expected backend cuda or auto with it, found %s; drop one of them"
                .formatted(option.key(), backend));
      }
    }
  }

  private static long kvCacheBytes(JobSpec spec) {
    if (!spec.has(JobOption.KV_CACHE_GIB)) {
      return longOrOpen(spec, JobOption.KV_CACHE);
    }
    double gib = spec.decimal(JobOption.KV_CACHE_GIB);
    if (spec.has(JobOption.KV_CACHE)) {
      throw new IllegalArgumentException(
          "%s: expected it alone, found %s beside it; give the size once"
              .formatted(JobOption.KV_CACHE_GIB.key(), JobOption.KV_CACHE.key()));
    }
    if (!(gib > 0 && gib < 1 << 20)) {
      throw new IllegalArgumentException(
          "%s: expected a number of GiB above 0, found %s"
              .formatted(JobOption.KV_CACHE_GIB.key(), gib));
    }
    return Math.round(gib * (1L << 30));
  }

  private static double memoryFraction(JobSpec spec) {
    if (!spec.has(JobOption.MEMORY_FRACTION)) {
      return 0; // open
    }
    double share = spec.decimal(JobOption.MEMORY_FRACTION);
    if (share == 0) {
      throw new IllegalArgumentException(
          JobOption.MEMORY_FRACTION.key() + ": expected a share above 0, found 0");
    }
    return share;
  }

  /** 0, which settings take for open, only if the option is not set. */
  private static int intOrOpen(JobSpec spec, JobOption option) {
    return spec.has(option) ? atLeastOne(spec, option) : 0;
  }

  /** As {@link #intOrOpen}. */
  private static long longOrOpen(JobSpec spec, JobOption option) {
    return spec.has(option) ? checkedAtLeastOne(option, spec.integer(option, 0)) : 0;
  }

  private static int atLeastOne(JobSpec spec, JobOption option) {
    return (int) checkedAtLeastOne(option, spec.smallInteger(option, 0));
  }

  private static long checkedAtLeastOne(JobOption option, long value) {
    if (value < 1) {
      throw new IllegalArgumentException(option.key() + ": expected at least 1, found " + value);
    }
    return value;
  }
}
