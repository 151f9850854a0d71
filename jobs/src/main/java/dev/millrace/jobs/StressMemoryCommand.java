package dev.millrace.jobs;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.memory.MemoryStress;
import dev.millrace.jobs.memory.MemoryStress.Round;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.JobComposer;
import dev.millrace.jobs.spec.JobSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows that all memory comes back: loads, runs and closes an engine, again and again. */
@Command(
    name = "stress-memory",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = "millrace stress-memory --workspace PATH [--rounds N] [OPTIONS]",
    description = {
      "Loads the model, runs requests, closes it, and again; prints what each device has in use.",
      "Fails (exit code 5) where more than 64 MiB do not come back."
    },
    footerHeading = "%nExample:%n",
    footer = "  millrace stress-memory --workspace qwen2.5-7b --rounds 20")
final class StressMemoryCommand implements Callable<Integer> {
  private final Console console;
  private final EngineFactories engines;

  @Spec private CommandSpec command;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Times to load, run and close. Default: ${DEFAULT-VALUE}.")
  private int rounds = 20;

  @Option(
      names = "--requests",
      paramLabel = "N",
      description = "Requests of a round. Default: ${DEFAULT-VALUE}.")
  private int requests = 16;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  StressMemoryCommand(Console console, EngineFactories engines) {
    this.console = console;
    this.engines = engines;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Logging.setUp(verbose);
    if (rounds < 2 || requests < 1) {
      throw CommandException.usage(
          "Expected at least 2 rounds and 1 request, found %d and %d".formatted(rounds, requests),
          "A drift is the difference between rounds.");
    }
    JobSpec spec = JobArguments.read(command.commandLine().getParseResult(), console);
    EngineFactories.Choice choice = engines.choose(settings(spec));
    choice.notice().ifPresent(console::notice);
    Path folder = BenchCommand.workspace(spec, console);
    int vocabulary;
    try (Workspace workspace = Workspace.open(folder)) {
      vocabulary = workspace.manifest().shape().vocabularySize();
    }
    try (MemoryProbe probe = engines.probe(choice.settings())) {
      print("before", "", probe.read());
      List<Round> done =
          new MemoryStress(engines.of(folder, choice.settings()), probe, vocabulary, requests)
              .run(rounds, this::print);
      return verdict(done).number();
    }
  }

  private static EngineSettings settings(JobSpec spec) {
    try {
      return JobComposer.engine(spec);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, e.getMessage(), "Correct the value.", e);
    }
  }

  private void print(Round round) {
    print(
        "round %d, open".formatted(round.number()),
        ", %s a rank by the engine's books".formatted(Amounts.bytes(round.accountedBytes())),
        round.open());
    print("round %d, closed".formatted(round.number()), "", round.closed());
  }

  private void print(String moment, String more, List<DeviceReading> readings) {
    String devices =
        readings.stream()
            .map(r -> "%s %s".formatted(r.device(), Amounts.bytes(r.usedBytes())))
            .collect(Collectors.joining(", "));
    console
        .out()
        .printf("%-18s %s%s%n", moment, devices.isEmpty() ? "nothing to read" : devices, more);
    console.out().flush();
  }

  private ExitCode verdict(List<Round> done) {
    if (done.get(0).closed().isEmpty()) {
      throw new CommandException(
          ExitCode.USAGE,
          "The memory of the devices cannot be read here",
          "The driver's NVML library (libnvidia-ml.so.1) is needed for GPUs.");
    }
    long drift = MemoryStress.drift(done);
    boolean alike = MemoryStress.isAccountedAlike(done);
    boolean good = alike && drift <= MemoryStress.DRIFT_MAX;
    console
        .out()
        .printf(
            "%s: drift %s over %d rounds, expected at most %s; the engine's books %s in every round%n",
            good ? "Sound" : "Not sound",
            Amounts.bytes(drift),
            done.size(),
            Amounts.bytes(MemoryStress.DRIFT_MAX),
            alike ? "say the same" : "do not say the same");
    console.out().flush();
    return good ? ExitCode.DONE : ExitCode.GATE_FAILED;
  }
}
