package dev.millrace.jobs.evaluate.schedule;

import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Lines for crontab(5). Cron knows no missed starts, and each cron its own way through a clock
 * change. So the line asks every hour, at the night's minute, whether a night is due: the answer is
 * no at once but for the first time after each night's beginning, and after a crash.
 */
final class CronUnits {
  private static final int HOUR_SECONDS = 3600;

  private CronUnits() {}

  static Units of(Plan plan) {
    return new Units(
        Map.of("millrace-" + plan.name() + ".cron", block(plan)),
        "Add it to your crontab (crontab -e), or run this again with --install.");
  }

  static String begin(Plan plan) {
    return "# begin millrace " + plan.name();
  }

  static String end(Plan plan) {
    return "# end millrace " + plan.name();
  }

  private static String block(Plan plan) {
    String command =
        plan.command().stream().map(CronUnits::quoted).collect(Collectors.joining(" "));
    String java = plan.javaHome().map(home -> "JAVA_HOME=" + quoted(home) + " ").orElse("");
    String log = quoted(plan.output().resolve("cron.log").toString());
    return begin(plan)
        + "\n# Due at "
        + plan.time()
        + "; asked every hour, so that a missed or cut-off night is caught up.\n"
        + minutes(plan)
        + " * * * * "
        + (java + command + " >> " + log + " 2>&1").replace("%", "\\%")
        + "\n"
        + end(plan)
        + "\n";
  }

  /** The minute on the machine's clock; every quarter where clocks differ by less than hours. */
  private static String minutes(Plan plan) {
    boolean wholeHours =
        List.of("2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z").stream()
            .map(Instant::parse)
            .allMatch(
                at ->
                    (offset(plan.time().zone(), at) - offset(plan.systemZone(), at)) % HOUR_SECONDS
                        == 0);
    return wholeHours ? Integer.toString(plan.time().at().getMinute()) : "*/15";
  }

  private static int offset(ZoneId zone, Instant at) {
    return zone.getRules().getOffset(at).getTotalSeconds();
  }

  /** A word for sh: nothing in single quotes means anything. */
  private static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  /** The user's crontab with this block in place of an earlier one of the same name. */
  static String merged(String crontab, Plan plan) {
    StringBuilder kept = new StringBuilder();
    boolean inside = false;
    for (String line : crontab.lines().toList()) {
      inside |= line.equals(begin(plan));
      if (!inside) {
        kept.append(line).append('\n');
      }
      inside &= !line.equals(end(plan));
    }
    return kept + block(plan);
  }
}
