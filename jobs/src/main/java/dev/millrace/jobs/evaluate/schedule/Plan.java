package dev.millrace.jobs.evaluate.schedule;

import dev.millrace.jobs.evaluate.night.NightTime;
import java.nio.file.Path;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * What is to be started when.
 *
 * @param name of the units: lower-case letters, digits and dashes
 * @param spec the evaluation's file
 * @param specText its content, for systems that carry it themselves
 * @param output the evaluation's folder
 * @param time when nights are due
 * @param systemZone the clock of the machine that starts it
 * @param launcher the program to start
 * @param javaHome the Java that it shall use, if that must be said
 * @param image container image that holds the program
 * @param options further words of the command line
 */
public record Plan(
    String name,
    Path spec,
    String specText,
    Path output,
    NightTime time,
    ZoneId systemZone,
    String launcher,
    Optional<String> javaHome,
    String image,
    List<String> options) {
  private static final int NAME_LENGTH_MAX = 50;
  private static final int HOURS_A_DAY = 24;

  public Plan {
    Objects.requireNonNull(specText, "specText");
    options = List.copyOf(options);
    if (!name.matches("[a-z0-9]([-a-z0-9]{0," + (NAME_LENGTH_MAX - 2) + "}[a-z0-9])?")) {
      throw new IllegalArgumentException(
          "--name: expected 1 to "
              + NAME_LENGTH_MAX
              + " lower-case letters, digits and dashes, found '"
              + name
              + "'");
    }
    List<String> words = new ArrayList<>(options);
    words.addAll(List.of(spec.toString(), output.toString(), launcher, image));
    for (String word : words) {
      if (word.chars().anyMatch(c -> c < 0x20 || c == 0x7f)) {
        throw new IllegalArgumentException(
            "expected paths and options without control characters, which units cannot hold");
      }
    }
  }

  /** A name of units made of any text. */
  public static String nameOf(String text) {
    String name =
        text.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-+|-+$", "");
    String cut = name.length() > NAME_LENGTH_MAX ? name.substring(0, NAME_LENGTH_MAX) : name;
    return cut.isEmpty() ? "millrace-nightly" : cut.replaceAll("-+$", "");
  }

  /**
   * The command line that runs the night that is due, or does nothing.
   *
   * @param specPath where the evaluation's file is found by whoever starts it
   * @param outputPath the same of the evaluation's folder
   */
  List<String> command(String specPath, String outputPath) {
    List<String> words =
        new ArrayList<>(
            List.of(
                launcher, "evaluate", specPath, "--output", outputPath, "--due", time.toString()));
    words.addAll(options);
    return words;
  }

  List<String> command() {
    return command(spec.toString(), output.toString());
  }

  /** Days of the week as cron counts them, Sunday being 0; all of them as a star. */
  String cronDays() {
    if (time.isDaily()) {
      return "*";
    }
    return String.join(
        ",", time.days().stream().sorted().map(day -> "" + day.getValue() % 7).toList());
  }

  /** The five fields of cron, on the clock of {@link NightTime#zone}. */
  String cronExpression() {
    return time.at().getMinute() + " " + time.at().getHour() + " * * " + cronDays();
  }

  /** The same and once more an hour later, for clocks that leave out a skipped hour. */
  String cronExpressionTwice() {
    int hour = time.at().getHour();
    int later = (hour + 1) % HOURS_A_DAY;
    String days = later < hour ? "*" : cronDays();
    String hours = later < hour ? later + "," + hour : hour + "," + later;
    return time.at().getMinute() + " " + hours + " * * " + days;
  }
}
