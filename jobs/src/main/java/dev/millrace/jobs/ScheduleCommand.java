package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.night.Expectation;
import dev.millrace.jobs.evaluate.night.NightTime;
import dev.millrace.jobs.evaluate.night.UnattendedOptions;
import dev.millrace.jobs.evaluate.schedule.Installer;
import dev.millrace.jobs.evaluate.schedule.Plan;
import dev.millrace.jobs.evaluate.schedule.Target;
import dev.millrace.jobs.evaluate.schedule.Units;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes, and on request installs, what starts an evaluation every night. */
@Command(
    name = "schedule",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    description = {
      "Writes what starts an evaluation every night, for systemd, cron and others.",
      "These are units for systemd, a line for cron, a CronJob for Kubernetes, a DAG for Airflow. A",
      "night that was cut off goes on at the next start; two never overlap; each date has one night,",
      "whatever the clock does."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace schedule nightly.yaml --every 02:00 --as systemd --install",
      "  millrace schedule nightly.yaml --every 'mon-fri 02:00 Europe/Berlin' --as cron",
      "  millrace schedule nightly.yaml --every 02:00 --as kubernetes --image registry/millrace:1",
      "  millrace nights --output nightly-nights"
    })
final class ScheduleCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "SPEC", description = "The evaluation's file.")
  private Path spec;

  @Option(
      names = "--every",
      paramLabel = "TIME",
      required = true,
      description = "When: '02:00', 'mon-fri 02:00', 'sat,sun 23:30 Europe/Berlin'.")
  private String every;

  @Option(
      names = "--as",
      paramLabel = "TARGET",
      required = true,
      description = "What starts it: ${COMPLETION-CANDIDATES}.")
  private Target target;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FOLDER",
      description = "Folder of all nights. Default: the spec's name with -nights, beside it.")
  private Path output;

  @Option(
      names = "--to",
      paramLabel = "FOLDER",
      defaultValue = ".",
      description = "Where to write the files. Default: the working folder.")
  private Path to;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "Name of the units. Default: the spec's.")
  private String name;

  @Option(names = "--install", description = "Put it in force on this machine (systemd, cron).")
  private boolean install;

  @Option(names = "--system", description = "Install for the whole system (systemd, as root).")
  private boolean system;

  @Option(
      names = "--launcher",
      paramLabel = "PATH",
      description = "The millrace to start. Default: this one.")
  private String launcher;

  @Option(
      names = "--image",
      paramLabel = "IMAGE",
      defaultValue = "millrace:latest",
      description = "Container image, for kubernetes. Default: ${DEFAULT-VALUE}.")
  private String image;

  @Mixin private UnattendedOptions unattended;

  @Option(
      names = {"-v", "--verbose"},
      description = "Show stack traces.")
  private boolean verbose;

  ScheduleCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    Logging.setUp(verbose);
    unattended.settings(console, every, null, false); // refuses now what every night would refuse
    Plan plan = plan();
    if (install) {
      new Installer(console.environment()).install(target, plan, system).forEach(this::say);
    } else {
      write(target.units(plan));
    }
    if (target.isLocal()) {
      Expectation.keep(plan.output(), plan.time(), Instant.now());
    }
    say("The first night is due at " + plan.time().begins(plan.time().next(Instant.now())) + ".");
    return ExitCode.DONE.number();
  }

  private void say(String line) {
    console.out().println(line);
  }

  private Plan plan() throws IOException {
    Path file = spec.toAbsolutePath().normalize();
    if (!Files.isRegularFile(file)) {
      throw CommandException.usage(
          "Expected an evaluation's file, found no file " + spec, "Check the path.");
    }
    String base = file.getFileName().toString().replaceFirst("\\.(ya?ml|json)$", "");
    Path nights = output == null ? file.resolveSibling(base + "-nights") : output;
    try {
      return new Plan(
          name == null ? Plan.nameOf(base) : name,
          file,
          Files.readString(file),
          nights.toAbsolutePath().normalize(),
          NightTime.parse(every, ZoneId.systemDefault()),
          ZoneId.systemDefault(),
          launcher == null ? ownLauncher() : launcher,
          Optional.ofNullable(console.variable("JAVA_HOME")).filter(home -> target.isLocal()),
          image,
          unattended.words());
    } catch (IllegalArgumentException e) {
      throw CommandException.usage(e.getMessage(), "Correct that option.");
    }
  }

  private static String ownLauncher() {
    String home = System.getProperty("millrace.home");
    return home == null ? "millrace" : Path.of(home, "bin", "millrace").toString();
  }

  private void write(Units units) throws IOException {
    Files.createDirectories(to);
    for (Map.Entry<String, String> file : units.files().entrySet()) {
      Path path = to.resolve(file.getKey());
      AtomicFiles.write(path, file.getValue());
      say("Wrote " + path);
    }
    say(units.next());
  }
}
