package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** The options of how nights run by themselves, shared by {@code evaluate} and {@code schedule}. */
public final class UnattendedOptions {
  /** A webhook that must not stand in a command line can be given here. */
  public static final String WEBHOOK_VARIABLE = "MILLRACE_WEBHOOK";

  private static final Duration COMMAND_PATIENCE = Duration.ofSeconds(60);
  private static final Pattern TIME = Pattern.compile("(\\d{1,6})\\s*(s|min|m|h|d)");

  @Option(
      names = "--overlap",
      paramLabel = "WHAT",
      defaultValue = "wait",
      description = "When another night still runs: wait or refuse. Default: ${DEFAULT-VALUE}.")
  private String overlap;

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      defaultValue = "4h",
      description = "Longest to wait for another night: 90s, 30min, 4h. Default: ${DEFAULT-VALUE}.")
  private String wait;

  @Option(
      names = "--deadline",
      paramLabel = "TIME",
      description = "Longest from the night's first start to its end. Unset: none.")
  private String deadline;

  @Option(
      names = "--attempts",
      paramLabel = "N",
      defaultValue = "3",
      description = "Starts of a due night before it is given up. Default: ${DEFAULT-VALUE}.")
  private int attempts;

  @Option(
      names = "--keep-nights",
      paramLabel = "N",
      description = "Latest nights that keep their files; results are always kept. Unset: all.")
  private Integer keepNights;

  @Option(
      names = "--notify-webhook",
      paramLabel = "URL",
      description =
          "Address that gets the verdict as JSON; may be given several times. $"
              + WEBHOOK_VARIABLE
              + " adds one.")
  private List<String> webhooks = new ArrayList<>();

  @Option(
      names = "--notify-command",
      paramLabel = "COMMAND",
      description = "Shell command that gets the verdict as JSON; may be given several times.")
  private List<String> commands = new ArrayList<>();

  @Option(
      names = "--notify-on",
      paramLabel = "WHAT",
      defaultValue = "always",
      description = "always, or problem: tell nobody of a PASS. Default: ${DEFAULT-VALUE}.")
  private String notifyOn;

  /**
   * The settings that these options amount to.
   *
   * @param due value of {@code --due}, or null
   * @param night value of {@code --night}, or null
   * @param startNew whether to leave a night that was cut off alone
   * @throws CommandException if one makes no sense, naming it
   */
  public NightSettings settings(Console console, String due, String night, boolean startNew) {
    boolean waits = oneOf("--overlap", overlap, "wait", "refuse").equals("wait");
    boolean problems = oneOf("--notify-on", notifyOn, "always", "problem").equals("problem");
    try {
      return new NightSettings(
          Optional.ofNullable(due).map(text -> NightTime.parse(text, ZoneId.systemDefault())),
          Optional.ofNullable(night).map(UnattendedOptions::nightId),
          startNew,
          waits ? time("--wait", wait) : Duration.ZERO,
          Optional.ofNullable(deadline).map(text -> time("--deadline", text)),
          attempts,
          Optional.ofNullable(keepNights),
          recipients(console),
          problems);
    } catch (IllegalArgumentException e) {
      throw CommandException.usage(e.getMessage(), "Correct that option.");
    }
  }

  private static NightId nightId(String text) {
    return NightId.parse(text)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "--night: expected a date such as 2026-11-25 or 2026-11-25.02, found '"
                        + text
                        + "'"));
  }

  private List<Recipient> recipients(Console console) {
    List<Recipient> all = new ArrayList<>();
    for (String webhook : webhooks) {
      all.add(Webhook.parse(webhook));
    }
    String hidden = console.variable(WEBHOOK_VARIABLE);
    if (hidden != null) {
      all.add(Webhook.parse(hidden));
    }
    for (String command : commands) {
      all.add(new UserCommand(command, COMMAND_PATIENCE));
    }
    return all;
  }

  private static String oneOf(String option, String found, String first, String second) {
    String lower = found.toLowerCase(Locale.ROOT);
    if (!lower.equals(first) && !lower.equals(second)) {
      throw CommandException.usage(
          option + ": expected " + first + " or " + second + ", found '" + found + "'",
          "Write one of them.");
    }
    return lower;
  }

  private static Duration time(String option, String text) {
    Matcher parts = TIME.matcher(text.strip());
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          option + ": expected a time such as 90s, 30min or 4h, found '" + text + "'");
    }
    long amount = Long.parseLong(parts.group(1));
    return switch (parts.group(2)) {
      case "s" -> Duration.ofSeconds(amount);
      case "h" -> Duration.ofHours(amount);
      case "d" -> Duration.ofDays(amount);
      default -> Duration.ofMinutes(amount);
    };
  }

  /** The options as words of a command line, for the units that {@code schedule} writes. */
  public List<String> words() {
    List<String> words = new ArrayList<>(List.of("--overlap", overlap, "--wait", wait));
    if (deadline != null) {
      words.addAll(List.of("--deadline", deadline));
    }
    words.addAll(List.of("--attempts", Integer.toString(attempts)));
    if (keepNights != null) {
      words.addAll(List.of("--keep-nights", keepNights.toString()));
    }
    webhooks.forEach(webhook -> words.addAll(List.of("--notify-webhook", webhook)));
    commands.forEach(command -> words.addAll(List.of("--notify-command", command)));
    if (!notifyOn.equals("always")) {
      words.addAll(List.of("--notify-on", notifyOn));
    }
    return words;
  }
}
