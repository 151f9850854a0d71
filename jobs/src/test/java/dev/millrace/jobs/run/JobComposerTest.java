package dev.millrace.jobs.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.ModelChoice;
import dev.millrace.jobs.model.ModelChoice.Kind;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.jobs.spec.JobSpec.Assignment;
import dev.millrace.jobs.spec.SpecReader;
import dev.millrace.jobs.spec.SpecWriter;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobComposerTest {
  private static final PrintStream NOWHERE =
      new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);

  /** Why these options are refused, whatever the environment. */
  private static CommandException refusal(Object... options) {
    return assertThrows(CommandException.class, () -> compose(Map.of(), options));
  }

  private static ComposedJob compose(Map<String, String> environment, Object... settings) {
    List<Assignment> assignments = new ArrayList<>();
    for (int i = 0; i < settings.length; i += 2) {
      JobOption option = (JobOption) settings[i];
      assignments.add(Assignment.parse(option, List.of((String) settings[i + 1]), option.flag()));
    }
    Console console = new Console(NOWHERE, NOWHERE, environment, false);
    return new JobComposer(console).compose(JobSpec.defaults().with(assignments));
  }

  @Test
  void defaultsAreThoseOfPipelineAndEngine() {
    ComposedJob job = compose(Map.of(), JobOption.INPUT, "a/rows.parquet");

    assertEquals(SamplingSettings.greedy(), job.job().sampling());
    assertEquals(EngineSettings.defaults(), job.engine());
    assertEquals(
        JobSettings.of(List.of("a/rows.parquet"), OutputSettings.to(Path.of("a/rows-output")))
            .withBeamArguments(List.of("--runner=DirectRunner")),
        job.job());
    assertEquals(new ModelChoice(Kind.SAMPLE, null), job.model());
    assertEquals(
        List.of(
            "No --workspace given: taking the sample model, tiny-qwen2.5 (11.5 M parameters).",
            "No --output given: writing to a/rows-output."),
        job.notices());
  }

  @ParameterizedTest
  @EnumSource(
      value = JobOption.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {
        "INPUT",
        "RUNNER",
        "FLINK_MASTER",
        "PARALLELISM",
        "ENGINE_JVM",
        "ENGINE_LINGER",
        "REPLICAS",
        "MIN_TOKENS",
        "KEEP_WORK_FILES"
      })
  void everyOptionTakesEffect(JobOption option) {
    ComposedJob without = compose(Map.of(), JobOption.INPUT, "rows.jsonl");
    ComposedJob with = compose(Map.of(), JobOption.INPUT, "rows.jsonl", option, option.example());

    assertNotEquals(without, with, option.key());
  }

  @ParameterizedTest
  @EnumSource(
      value = JobOption.class,
      names = {"ENGINE_JVM", "ENGINE_LINGER", "REPLICAS"})
  void optionsOfTheEnginesProcessNeedOne(JobOption option) {
    Object[] process = {JobOption.INPUT, "a", JobOption.ENGINE_HOST, "process"};
    Object[] more = {
      JobOption.INPUT, "a", JobOption.ENGINE_HOST, "process", option, option.example()
    };

    assertNotEquals(compose(Map.of(), process), compose(Map.of(), more));
    CommandException failure = refusal(JobOption.INPUT, "a", option, option.example());
    assertEquals(
        option.flag()
            + ": expected --engine-host process with it, found an engine in the program's own JVM",
        failure.getMessage());
  }

  @Test
  void theSpecThatIsPrintedCanBeRun() {
    JobSpec spec =
        JobSpec.defaults()
            .with(List.of(Assignment.parse(JobOption.INPUT, List.of("a"), "--input")));
    List<Assignment> printed = new SpecReader(Map.of()).parse(SpecWriter.write(spec), "printed");
    JobComposer composer = new JobComposer(new Console(NOWHERE, NOWHERE, Map.of(), false));

    assertEquals(composer.compose(spec), composer.compose(JobSpec.defaults().with(printed)));
  }

  @Test
  void theOptionsThatNeedOthersTakeEffectToo() {
    ComposedJob job =
        compose(
            Map.of(),
            JobOption.INPUT,
            "x.jsonl",
            JobOption.MIN_TOKENS,
            "3",
            JobOption.KEEP_WORK_FILES,
            "true");

    assertEquals(List.of("x.jsonl"), job.job().inputs());
    assertEquals(3, job.job().sampling().minTokens());
    assertTrue(job.job().output().keepWorkFiles());
    assertTrue(job.job().beamArguments().contains("--runner=DirectRunner"));
  }

  @Test
  void promptsAreReadAsTheSpecSays() {
    TextSettings text =
        compose(
                Map.of(),
                JobOption.INPUT,
                "x.jsonl",
                JobOption.PARSE_SPECIAL_TOKENS,
                "true",
                JobOption.TEMPLATE_VARIABLES,
                "enable_thinking=false")
            .text();

    assertTrue(text.parseSpecialTokens());
    assertEquals(Map.of("enable_thinking", false), text.templateVariables());
    TextSettings unset = compose(Map.of(), JobOption.INPUT, "x.jsonl").text();
    assertFalse(unset.parseSpecialTokens());
    assertEquals(Map.of(), unset.templateVariables());
  }

  @Test
  void rawPromptsAndASystemPromptContradictEachOther() {
    CommandException failure =
        refusal(
            JobOption.INPUT, "x.jsonl", JobOption.RAW_PROMPT, "true", JobOption.SYSTEM_PROMPT, "S");

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertTrue(failure.getMessage().contains("raw_prompt"), failure.getMessage());
  }

  @Test
  void rawPromptsAndTemplateVariablesContradictEachOther() {
    CommandException failure =
        refusal(
            JobOption.INPUT,
            "x.jsonl",
            JobOption.RAW_PROMPT,
            "true",
            JobOption.TEMPLATE_VARIABLES,
            "enable_thinking=false");

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertTrue(
        failure.getMessage().contains("expected none beside raw_prompt"), failure.toString());
    assertTrue(failure.getMessage().contains("enable_thinking"), failure.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"GPU_MEMORY, 80GiB, cpu", "DEVICES, 0, cpu", "GPU_MEMORY, 80GiB, reference"})
  void whatIsSaidOfGpusContradictsABackendWithout(JobOption option, String value, String backend) {
    CommandException failure =
        refusal(JobOption.INPUT, "a", JobOption.BACKEND, backend, option, value);

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertEquals(
        option.key()
            + ": expected backend cuda or auto with it, found "
            + backend
            + "; drop one of them (from "
            + option.flag()
            + ")",
        failure.getMessage());
  }

  @Test
  void flinkTakesItsOptionsAndPutsTheEngineInAProcess() {
    ComposedJob job =
        compose(
            Map.of(),
            JobOption.INPUT,
            "x.jsonl",
            JobOption.RUNNER,
            "flink",
            JobOption.FLINK_MASTER,
            "node-1:8081",
            JobOption.PARALLELISM,
            "3",
            JobOption.ENGINE_LINGER,
            "7");

    FlinkSettings flink = job.placement().flink().orElseThrow();
    assertEquals(new FlinkSettings("node-1:8081", 3, List.of()), flink);
    assertTrue(job.placement().ownProcess());
    assertEquals(Duration.ofSeconds(7), job.placement().host().linger());
    assertEquals(List.of(), job.job().beamArguments());
  }

  @Test
  void theDirectRunnerKeepsTheEngineInItsProcessAndTakesNoFlinkOption() {
    assertFalse(compose(Map.of(), JobOption.INPUT, "a").placement().ownProcess());

    CommandException failure = refusal(JobOption.INPUT, "a", JobOption.FLINK_MASTER, "a:1");

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertTrue(failure.getMessage().contains("--runner flink"), failure.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost", "http://a:8081", "a:b", "[auto]", ""})
  void aMasterThatIsNoAddressIsRefused(String master) {
    CommandException failure =
        refusal(JobOption.INPUT, "a", JobOption.RUNNER, "flink", JobOption.FLINK_MASTER, master);

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertTrue(failure.getMessage().contains("HOST:PORT"), failure.getMessage());
  }

  @Test
  void workspaceIsTakenFromTheEnvironmentAndSaidSo() {
    ComposedJob job = compose(Map.of("MILLRACE_WORKSPACE", "/ws"), JobOption.INPUT, "a.jsonl");

    assertEquals(new ModelChoice(Kind.WORKSPACE, Path.of("/ws")), job.model());
    assertTrue(job.notices().get(0).contains("MILLRACE_WORKSPACE"), job.notices().toString());
  }

  @Test
  void workspaceAndModelTogetherAreRefused() {
    CommandException failure =
        refusal(JobOption.INPUT, "a", JobOption.WORKSPACE, "w", JobOption.MODEL_CHECKPOINT, "m");

    assertEquals(
        "Expected --workspace or --model, found both (--workspace: w, --model: m)",
        failure.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "TEMPERATURE, -1, temperature",
    "TOP_P, 0, top_p",
    "N, 0, n",
    "MAX_TOKENS, 0, max_tokens",
    "MAX_TOKENS, 4294967296, sampling.max_tokens",
    "LOGPROBS, 101, logprobs",
    "TP, 0, tp",
    "BATCH_SIZE, 0, engine.batch_size",
    "LIMIT, 0, limit",
    "WORKERS, 0, workers",
    "THREADS, 0, engine.threads",
    "MAX_MODEL_LEN, 0, engine.max_model_len",
    "KV_CACHE, 0, engine.kv_cache",
    "GPU_MEMORY, 0, gpu_memory",
    "MEMORY_FRACTION, 0, engine.memory_fraction",
    "TEMPLATE_VARIABLES, messages=x, template_variables",
    "TEMPLATE_VARIABLES, add_generation_prompt=false, template_variables",
    "STEP_TIMEOUT, 0, engine.step_timeout"
  })
  void valuesOutOfRangeAreRefusedWithTheFlagTheyCameFrom(
      JobOption option, String value, String field) {
    CommandException failure = refusal(JobOption.INPUT, "a", option, value);

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertTrue(failure.getMessage().startsWith(field + ": expected"), failure.getMessage());
    assertTrue(failure.getMessage().endsWith("(from " + option.flag() + ")"), failure.getMessage());
  }

  @Test
  void inputIsRequired() {
    CommandException failure = refusal(JobOption.TP, "1");

    assertEquals("Expected an input, found none", failure.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "prompts.parquet, prompts-output",
    "data/prompts.jsonl.gz, data/prompts-output",
    "/data/in, /data/in-output",
    "data/in/, data/in-output",
    "'data/*.parquet', data-output",
    "'*.parquet', millrace-output",
    "'a/b/part-{1,2}.arrow', a/b-output",
    "s3://bucket/rows.parquet, rows-output",
    "v1.5.parquet, v1.5-output",
    "., millrace-output"
  })
  void outputLiesBesideTheInput(String input, String output) {
    assertEquals(Path.of(output), DefaultOutput.beside(input));
  }
}
