package dev.millrace.jobs;

import dev.millrace.jobs.bench.BenchEngines;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.run.EngineFactories;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Puts the command line together and runs it. Only picocli is loaded until a command starts, so
 * that {@code --help} is quick.
 */
final class Commands {
  static final String MILLRACE = "millrace";
  static final String RUN_JOB = "run-job";

  private static final int USAGE_COLUMNS = 100;

  private final Console console;
  private final EngineFactories engines;
  private final BenchEngines watchedEngines;

  Commands(Console console, LocalEngines engines) {
    this.console = console;
    this.engines = engines;
    this.watchedEngines = engines;
  }

  /**
   * Runs one command line.
   *
   * @param name {@code millrace}, or {@code run-job} to leave the subcommand out
   * @return the exit code
   */
  int run(String name, String... arguments) {
    CommandLine commandLine = name.equals(RUN_JOB) ? runJob(name) : millrace();
    prepare(commandLine);
    return commandLine.execute(arguments);
  }

  /** The whole command tree, for tests and documentation. */
  CommandLine millrace() {
    CommandLine root = new CommandLine(new MillraceCommand());
    root.addSubcommand(new ConvertCommand(console));
    root.addSubcommand(new InspectCommand(console));
    root.addSubcommand(jobCommand(new PlanCommand(console, engines)));
    root.addSubcommand(runJob(RUN_JOB));
    root.addSubcommand(bench());
    root.addSubcommand(stressMemory());
    root.addSubcommand(new EvaluateCommand(console, engines));
    root.addSubcommand(new BaselineCommand(console));
    root.addSubcommand(new ScheduleCommand(console));
    root.addSubcommand(new NightsCommand(console));
    root.addSubcommand(new DoctorCommand(console));
    root.addSubcommand(new CommandLine(new GenerateCompletion()));
    return root;
  }

  private CommandLine runJob(String name) {
    CommandLine command = jobCommand(new RunCommand(console, engines));
    command.setCommandName(name);
    return command;
  }

  private CommandLine bench() {
    CommandSpec spec =
        CommandSpec.forAnnotatedObject(new BenchCommand(console, engines, watchedEngines));
    JobArguments.addOptions(spec, "Engine", BenchCommand.ENGINE_OPTIONS);
    JobArguments.addOptions(spec, "Sampling", BenchCommand.SAMPLING_OPTIONS);
    return new CommandLine(spec);
  }

  private CommandLine stressMemory() {
    CommandSpec spec = CommandSpec.forAnnotatedObject(new StressMemoryCommand(console, engines));
    JobArguments.addOptions(spec, "Engine", BenchCommand.ENGINE_OPTIONS);
    return new CommandLine(spec);
  }

  private static CommandLine jobCommand(Object command) {
    CommandSpec spec = CommandSpec.forAnnotatedObject(command);
    JobArguments.addOptions(spec);
    return new CommandLine(spec);
  }

  private void prepare(CommandLine root) {
    root.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    root.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    root.setUsageHelpWidth(USAGE_COLUMNS);
    root.setCaseInsensitiveEnumValuesAllowed(true);
    root.setUsageHelpLongOptionsMaxWidth(34);
    root.setParameterExceptionHandler(this::misused);
    root.setExecutionExceptionHandler(
        (failure, command, parsed) -> new FailureReport(console).print(failure, command, parsed));
    addExitCodes(root);
  }

  private static void addExitCodes(CommandLine command) {
    Map<String, String> codes = new LinkedHashMap<>();
    for (ExitCode code : ExitCode.values()) {
      codes.put(String.format("%3d", code.number()), code.meaning());
    }
    command.getCommandSpec().usageMessage().exitCodeListHeading("%nExit codes:%n");
    command.getCommandSpec().usageMessage().exitCodeList(codes);
    command.getSubcommands().values().forEach(Commands::addExitCodes);
  }

  private int misused(ParameterException failure, String[] arguments) {
    CommandLine command = failure.getCommandLine();
    String name = command.getCommandSpec().qualifiedName();
    PrintWriter err = command.getErr();
    if (failure.getCause() instanceof CommandException cause) {
      FailureReport.print(err, name, cause.getMessage(), cause.remedy());
      return cause.exitCode().number();
    }
    err.println(name + ": error: " + failure.getMessage().replaceFirst("^Error: ", ""));
    UnmatchedArgumentException.printSuggestions(failure, err);
    err.println("  Try '" + name + " --help'.");
    return ExitCode.USAGE.number();
  }

  /** Whether {@code --verbose} was given to the command that ran. */
  static boolean isVerbose(ParseResult parsed) {
    ParseResult last = parsed;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    return last.hasMatchedOption("--verbose");
  }
}
