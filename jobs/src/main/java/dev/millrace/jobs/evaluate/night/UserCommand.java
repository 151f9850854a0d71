package dev.millrace.jobs.evaluate.night;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A command of the user's that is told the verdict: run by {@code sh -c}, the JSON on its standard
 * input, and {@code MILLRACE_NIGHT}, {@code MILLRACE_VERDICT}, {@code MILLRACE_EXIT_CODE} and
 * {@code MILLRACE_REPORT} in its environment. No text that came from data is ever part of the
 * command line.
 */
final class UserCommand implements Recipient {
  private static final int TRIES = 2;

  private final String command;
  private final Duration patience;

  UserCommand(String command, Duration patience) {
    this.command = command;
    this.patience = patience;
  }

  /** The command's first word: its arguments may be secret. */
  @Override
  public String name() {
    return "command " + command.strip().split("\\s+", 2)[0];
  }

  @Override
  public int triesMax() {
    return TRIES;
  }

  @Override
  public void deliver(Message message) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder("/bin/sh", "-c", command);
    builder
        .environment()
        .putAll(
            Map.of(
                "MILLRACE_NIGHT", message.night(),
                "MILLRACE_VERDICT", message.verdict(),
                "MILLRACE_EXIT_CODE", Integer.toString(message.exitCode()),
                "MILLRACE_REPORT", message.report()));
    // what it prints is not ours to show, and an unread pipe would block it
    builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    Process process = builder.start();
    try {
      feed(process, message.json());
      if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new IOException("expected it to end within " + patience.toSeconds() + " s");
      }
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    if (process.exitValue() != 0) {
      throw new IOException("expected exit code 0, found " + process.exitValue());
    }
  }

  /** From a thread of its own: a command that does not read must not hold up the night. */
  private static void feed(Process process, String json) {
    Thread feeder =
        new Thread(
            () -> {
              try (OutputStream in = process.getOutputStream()) {
                in.write(json.getBytes(StandardCharsets.UTF_8));
              } catch (IOException e) {
                // it ended without reading; its exit code says whether that was meant
              }
            },
            "notification-input");
    feeder.setDaemon(true);
    feeder.start();
  }
}
