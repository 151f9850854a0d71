package dev.millrace.jobs.evaluate.schedule;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Puts units in force on this machine: the user's systemd, the system's, or the user's crontab. */
public final class Installer {
  private final Map<String, String> environment;

  public Installer(Map<String, String> environment) {
    this.environment = Map.copyOf(environment);
  }

  /**
   * Installs for a local target; doing so again replaces what was installed.
   *
   * @param system whether for the whole system rather than the user; systemd alone
   * @return what was done, a line each
   */
  public List<String> install(Target target, Plan plan, boolean system) throws IOException {
    return switch (target) {
      case SYSTEMD -> systemd(plan, system);
      case CRON -> cron(plan);
      default ->
          throw CommandException.usage(
              "--install: expected systemd or cron, found " + target,
              "Without --install the files are written; see what is printed then.");
    };
  }

  private List<String> systemd(Plan plan, boolean system) throws IOException {
    Path folder = system ? Path.of("/etc/systemd/system") : userUnits();
    Files.createDirectories(folder);
    List<String> done = new ArrayList<>();
    String timer = "";
    for (Map.Entry<String, String> file : Target.SYSTEMD.units(plan).files().entrySet()) {
      AtomicFiles.write(folder.resolve(file.getKey()), file.getValue());
      done.add("Wrote " + folder.resolve(file.getKey()));
      timer = file.getKey().endsWith(".timer") ? file.getKey() : timer;
    }
    List<String> control = system ? List.of("systemctl") : List.of("systemctl", "--user");
    for (List<String> words :
        List.of(List.of("daemon-reload"), List.of("enable", "--now", timer))) {
      List<String> command = new ArrayList<>(control);
      command.addAll(words);
      run(command, "");
      done.add("Ran " + String.join(" ", command));
    }
    if (!system) {
      done.add("To run while you are logged out: loginctl enable-linger");
    }
    return done;
  }

  private Path userUnits() {
    String config = environment.get("XDG_CONFIG_HOME");
    Path base =
        config != null && !config.isBlank()
            ? Path.of(config)
            : Path.of(environment.getOrDefault("HOME", "."), ".config");
    return base.resolve("systemd/user");
  }

  private List<String> cron(Plan plan) throws IOException {
    Files.createDirectories(plan.output());
    Result listed = start(List.of("crontab", "-l"), "");
    boolean none = listed.code() != 0 && listed.printed().contains("no crontab");
    if (listed.code() != 0 && !none) {
      throw failed(List.of("crontab", "-l"), listed);
    }
    run(List.of("crontab", "-"), CronUnits.merged(none ? "" : listed.printed(), plan));
    return List.of("Installed into the crontab of this user; crontab -l shows it.");
  }

  private void run(List<String> command, String input) throws IOException {
    Result result = start(command, input);
    if (result.code() != 0) {
      throw failed(command, result);
    }
  }

  private static CommandException failed(List<String> command, Result result) {
    return CommandException.usage(
        "Expected '"
            + String.join(" ", command)
            + "' to work, found exit code "
            + result.code()
            + ": "
            + result.printed().strip(),
        "Mend that and run the same command again, or install the files by hand.");
  }

  /** Where the environment's PATH has it. */
  private String program(String name) {
    for (String folder : environment.getOrDefault("PATH", "").split(":", -1)) {
      Path program = Path.of(folder, name);
      if (!folder.isEmpty() && Files.isExecutable(program)) {
        return program.toString();
      }
    }
    return name;
  }

  private record Result(int code, String printed) {}

  private Result start(List<String> command, String input) throws IOException {
    List<String> found = new ArrayList<>(command);
    found.set(0, program(command.get(0)));
    ProcessBuilder builder = new ProcessBuilder(found).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      return new Result(127, command.get(0) + " is not here: " + e.getMessage());
    }
    try (OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    }
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      return new Result(process.waitFor(), printed);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while " + command.get(0) + " ran", e);
    }
  }
}
