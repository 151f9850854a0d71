package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.spec.JobOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTest {
  @TempDir private Path cache;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "convert",
        "inspect",
        "plan",
        "run-job",
        "bench",
        "stress-memory",
        "evaluate",
        "baseline",
        "schedule",
        "nights",
        "doctor"
      })
  void everyCommandHelpsAndListsItsExitCodes(String command) {
    CommandLineRun run = CommandLineRun.millrace(cache, command, "--help");

    assertEquals(0, run.exitCode(), run.all());
    for (ExitCode code : ExitCode.values()) {
      assertTrue(run.out().contains(code.meaning()), code + " is missing in\n" + run.out());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"convert", "schedule", "bench", "stress-memory"})
  void helpPromisesNoDefaultThatIsNone(String command) {
    String help = CommandLineRun.millrace(cache, command, "--help").out();

    assertFalse(help.contains("Default: null"), help);
    assertFalse(help.contains("Default: .."), help);
    assertFalse(help.contains("else the sample model"), help);
  }

  @Test
  void helpOfMillraceSaysWhatEachCommandDoesInFull() {
    String help = CommandLineRun.millrace(cache, "--help").out();

    String commands =
        help.substring(help.indexOf("Commands:\n"), help.indexOf("\nExit codes:")).stripTrailing();
    for (String entry : commands.substring("Commands:\n".length()).split("\n(?=  [a-z])", -1)) {
      assertTrue(entry.endsWith("."), entry);
    }
  }

  @Test
  void helpOfRunJobNamesEveryFlag() {
    String help = CommandLineRun.runJob(cache, "--help").out();

    assertTrue(help.startsWith("Usage: run-job --input PATH..."), help);
    for (JobOption option : JobOption.values()) {
      String name = option.flag().substring(2);
      assertTrue(
          help.contains("--" + name) || help.contains("--[no-]" + name), name + " in\n" + help);
    }
  }

  @Test
  void versionNamesTheProgramAndItsJava() {
    CommandLineRun run = CommandLineRun.millrace(cache, "--version");

    assertEquals(0, run.exitCode());
    assertTrue(run.out().matches("(?s)millrace \\d+\\.\\d+\\.\\d+.*\nJava \\d+.*"), run.out());
    assertFalse(run.out().contains("${"), run.out());
  }

  @Test
  void completionScriptCoversTheCommands() {
    CommandLineRun run = CommandLineRun.millrace(cache, "generate-completion");

    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.out().contains("--max-tokens"), run.out());
  }

  @ParameterizedTest
  @CsvSource({
    "--ranks-max, 9, 'Expected 1 to 8 ranks, found 9 (ranks-max)'",
    "--threads, -5, 'Expected at least 1 thread, found -5 (threads)'"
  })
  void numbersThatNoConversionTakesAreUsageErrors(String option, String value, String message) {
    String output = cache.resolve("workspace").toString();
    String model = RepositoryFiles.sampleData("models/tiny-qwen2.5").toString();

    CommandLineRun run =
        CommandLineRun.millrace(
            cache, "convert", "--checkpoint", model, "--output", output, option, value);

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains(message), run.err());
  }

  @Test
  void aFolderIsAConfigOnlyIfItHoldsOne() throws IOException {
    String output = cache.resolve("workspace").toString();
    Path folder = Files.createDirectory(cache.resolve("shape"));
    String[] command = {
      "convert", "--random", "1", "--config", folder.toString(), "--output", output
    };

    CommandLineRun empty = CommandLineRun.millrace(cache, command);
    Path model = RepositoryFiles.sampleData("models/stories260K");
    Files.copy(model.resolve("config.json"), folder.resolve("config.json"));
    CommandLineRun holding = CommandLineRun.millrace(cache, command);

    assertEquals(2, empty.exitCode(), empty.all());
    assertTrue(empty.err().contains("expected a config.json, or one of "), empty.err());
    assertEquals(0, holding.exitCode(), holding.all());
  }

  @Test
  void noCommandIsAUsageError() {
    CommandLineRun run = CommandLineRun.millrace(cache);

    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("expected a command, found none"), run.err());
    assertEquals("", run.out());
  }

  @Test
  void mistypedCommandIsAnsweredWithTheOneMeant() {
    CommandLineRun run = CommandLineRun.millrace(cache, "inspct");

    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("Did you mean: millrace inspect"), run.err());
  }

  @Test
  void mistypedFlagIsAnsweredWithTheOneMeant() {
    CommandLineRun run = CommandLineRun.runJob(cache, "--inptu", "x");

    assertEquals(2, run.exitCode());
    assertTrue(run.err().contains("Possible solutions: --input"), run.err());
    assertTrue(run.err().contains("Try 'run-job --help'."), run.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--temperature warm      | --temperature: expected a number, found 'warm'",
        "--temperature -1        | temperature: expected 0 (greedy) to 100, found -1.0; correct it (from --temperature)",
        "--tp 0                  | tp: expected at least 1, found 0 (from --tp)",
        "--output-format parket  | --output-format: expected same, parquet, arrow, jsonl; found 'parket'; did you mean parquet?",
        "--kv-cache lots         | --kv-cache: expected a size such as 512MiB or 4GiB, found 'lots'",
        "--allowed-failures 200% | --allowed-failures: expected a share from 0 to 1, such as 0.01 or 1%, found '200%'",
        "--template-variable x=  | --template-variable: expected NAME=VALUE, found 'x='; for example enable_thinking=false",
        "--threads 0             | engine.threads: expected at least 1, found 0 (from --threads)",
        "--set tpp=2             | Unknown key 'tpp' in --set",
        "--spec none.yaml        | Expected a job spec, found no file none.yaml",
        "--prompt-column a --messages-column b | expected one prompt column, found several named"
      })
  void badValuesAreRefusedWithTheirFlag(String arguments, String message) {
    CommandLineRun run =
        CommandLineRun.runJob(cache, ("--input rows.jsonl " + arguments).split(" +"));

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("run-job: error: " + message), run.err());
    assertFalse(run.err().contains("\tat "), run.err());
  }

  @Test
  void stackTraceIsShownOnlyWhenAsked() {
    String[] quiet = {"--input", "a", "--workspace", "/no/such/place"};
    String[] verbose = {"--input", "a", "--workspace", "/no/such/place", "--verbose"};

    assertFalse(CommandLineRun.runJob(cache, quiet).err().contains("\tat "));
    assertTrue(CommandLineRun.runJob(cache, verbose).err().contains("\tat "));
  }

  @Test
  void flagsWinOverSetWhichWinsOverTheSpec(@TempDir Path folder) throws IOException {
    Path spec = folder.resolve("job.yaml");
    Files.writeString(spec, "input: a.jsonl\nsampling: {max_tokens: 1, top_k: 1, min_tokens: 1}\n");

    CommandLineRun run =
        CommandLineRun.runJob(
            cache,
            "--spec",
            spec.toString(),
            "--set",
            "sampling.max_tokens=2",
            "--set",
            "sampling.top_k=2",
            "--max-tokens",
            "3",
            "--print-spec");

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().matches("(?s).*\n  max_tokens: 3 +# --max-tokens\n.*"), run.out());
    assertTrue(run.out().matches("(?s).*\n  top_k: 2 +# --set sampling.top_k\n.*"), run.out());
    assertTrue(run.out().matches("(?s).*\n  min_tokens: 1 +# .*job.yaml, line 2\n.*"), run.out());
  }

  @Test
  void yesNoOptionsAreSwitchedOnAndOff() {
    String on = CommandLineRun.runJob(cache, "-i", "a", "--ignore-eos", "--print-spec").out();
    String off =
        CommandLineRun.runJob(
                cache, "-i", "a", "--no-resume", "--no-prefix-caching", "--print-spec")
            .out();

    assertTrue(on.contains("ignore_eos: true"), on);
    assertTrue(off.contains("resume: false"), off);
    assertTrue(off.contains("prefix_caching: false"), off);
  }

  @Test
  void doctorSaysWhatThereIsAndWhetherThereIsAGpu() {
    CommandLineRun run = CommandLineRun.millrace(cache, "doctor");

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().matches("(?s).*\\n(ok|slow) +(GPU|NVIDIA driver) .*"), run.out());
    assertTrue(run.out().contains("sample model"), run.out());
  }

  @Test
  void doctorSaysWhatToDoAboutABrokenWorkspaceAndCache(@TempDir Path folder) throws IOException {
    Path notAFolder = Files.writeString(folder.resolve("file"), "in the way");

    CommandLineRun run =
        CommandLineRun.millrace(notAFolder.resolve("cache"), "doctor", "-w", folder.toString());

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.out().contains("MISSING  cache"), run.out());
    assertTrue(run.out().contains("Set MILLRACE_CACHE to a folder that can be written"), run.out());
    assertTrue(run.out().contains("MISSING  workspace"), run.out());
  }
}
