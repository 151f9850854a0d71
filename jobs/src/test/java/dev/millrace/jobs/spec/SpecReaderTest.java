package dev.millrace.jobs.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SpecReaderTest {
  private final SpecReader reader = new SpecReader(Map.of("SCRATCH", "/scratch"));

  private JobSpec parsed(String yaml) {
    return JobSpec.defaults().with(reader.parse(yaml, "job.yaml"));
  }

  private CommandException refused(String yaml) {
    CommandException failure =
        assertThrows(CommandException.class, () -> reader.parse(yaml, "job.yaml"));
    assertEquals(ExitCode.USAGE, failure.exitCode());
    return failure;
  }

  @Test
  void sectionsListsAndMappingsAreRead() {
    JobSpec spec =
        parsed(
            """
            input: [a.parquet, b.parquet]
            tp: 2
            sampling:
              stop: ["###", "\\n"]
              logit_bias: {5: -100, 7: 1.5}
              temperature: 0.7
            engine:
              kv_cache: 1GiB
            """);

    assertEquals(List.of("a.parquet", "b.parquet"), spec.texts(JobOption.INPUT));
    assertEquals(2, spec.smallInteger(JobOption.TP, 0));
    assertEquals(List.of("###", "\n"), spec.texts(JobOption.STOP));
    assertEquals(Map.of(5, -100.0, 7, 1.5), spec.biases(JobOption.LOGIT_BIAS));
    assertEquals(0.7, spec.decimal(JobOption.TEMPERATURE));
    assertEquals(1L << 30, spec.integer(JobOption.KV_CACHE, 0));
    assertEquals("job.yaml, line 6", spec.origin(JobOption.TEMPERATURE));
  }

  @Test
  void jsonIsASpecToo() {
    assertEquals(
        64,
        parsed("{\"input\": \"a\", \"sampling\": {\"max_tokens\": 64}}")
            .smallInteger(JobOption.MAX_TOKENS, 0));
  }

  @Test
  void anEmptySpecChangesNothing() {
    assertEquals(List.of(), reader.parse("# nothing\n", "job.yaml"));
  }

  @Test
  void unknownKeyIsRefusedWithItsLineAndTheNearestKey() {
    CommandException failure = refused("input: a\nsampling:\n  temprature: 1\n");

    assertEquals("Unknown key 'sampling.temprature' in job.yaml, line 3", failure.getMessage());
    assertEquals("Did you mean 'sampling.temperature'?", failure.remedy());
  }

  @Test
  void keyInTheWrongSectionIsAnsweredWithTheRightPlace() {
    assertEquals("Did you mean 'sampling.max_tokens'?", refused("max_tokens: 3").remedy());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tp: two                      | tp: expected a whole number, found 'two' (in job.yaml, line 1)",
        "tp:                          | tp: expected one value in job.yaml, line 1, found nothing",
        "tp: [1, 2]                   | tp: expected one value in job.yaml, line 1, found a list",
        "output: {a: b}               | output: expected one value in job.yaml, line 1, found a mapping",
        "sampling: 3                  | Expected keys and values in job.yaml, line 1, found something else",
        "[1, 2]                       | Expected keys and values in job.yaml, line 1, found something else",
        "'tp: 1\ntp: 2'               | Key 'tp' stands twice, again in job.yaml, line 2"
      })
  void whatDoesNotFitIsRefusedWithItsLine(String yaml, String message) {
    assertEquals(message, refused(yaml).getMessage());
  }

  @Test
  void brokenYamlIsRefusedWithItsPlace() {
    String message = refused("input: [a\ntp: 2\n").getMessage();

    assertTrue(message.startsWith("Expected YAML in job.yaml, found: "), message);
    assertTrue(message.contains("line 2"), message);
  }

  @Test
  void variablesAreReplacedOnlyWhereAsked() {
    JobSpec spec = parsed("input: ${SCRATCH}/a\noutput: !env ${SCRATCH}/b\n");

    assertEquals(List.of("${SCRATCH}/a"), spec.texts(JobOption.INPUT));
    assertEquals("/scratch/b", spec.text(JobOption.OUTPUT));
    assertEquals(
        "Environment variable NOT_THERE is not set in job.yaml, line 1",
        refused("output: !env ${NOT_THERE}/b").getMessage());
  }

  @Test
  void setTakesPlainTextAndLists() {
    assertEquals("###", ((List<?>) reader.parseSet("sampling.stop=###").value()).get(0));
    assertEquals(List.of("a", "b"), reader.parseSet("sampling.stop=[a, b]").value());
    assertEquals(
        "Unknown key 'sampling.topp' in --set",
        assertThrows(CommandException.class, () -> reader.parseSet("sampling.topp=1"))
            .getMessage());
    assertThrows(CommandException.class, () -> reader.parseSet("sampling.top_p"));
  }

  @Test
  void missingFileIsRefused(@TempDir Path folder) {
    CommandException failure =
        assertThrows(CommandException.class, () -> reader.read(folder.resolve("none.yaml")));

    assertTrue(failure.getMessage().startsWith("Expected a job spec, found no file"));
  }

  @Test
  void specInAnotherEncodingIsRefused(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("latin.yaml"), new byte[] {'a', ':', (byte) 0xe9});

    CommandException failure = assertThrows(CommandException.class, () -> reader.read(file));

    assertTrue(failure.getMessage().startsWith("Expected UTF-8"), failure.getMessage());
  }

  @ParameterizedTest
  @EnumSource(JobOption.class)
  void whatIsPrintedIsReadBackTheSame(JobOption option) {
    JobSpec spec =
        JobSpec.defaults()
            .with(List.of(JobSpec.Assignment.parse(option, List.of(option.example()), "test")));

    JobSpec readBack = JobSpec.defaults().with(reader.parse(SpecWriter.write(spec), "printed"));

    for (JobOption each : JobOption.values()) {
      assertEquals(spec.value(each), readBack.value(each), each.key());
    }
  }

  @Test
  void awkwardTextsArePrintedSoThatTheyAreReadBack() {
    String awkward = "a \"quoted\" \\ back\tslash\nline # no comment: ${X} \u0001 é 漢 🙂";
    JobSpec spec =
        JobSpec.defaults()
            .with(List.of(JobSpec.Assignment.parse(JobOption.STOP, List.of(awkward, " "), "t")));

    JobSpec readBack = JobSpec.defaults().with(reader.parse(SpecWriter.write(spec), "printed"));

    assertEquals(List.of(awkward, " "), readBack.texts(JobOption.STOP));
  }
}
