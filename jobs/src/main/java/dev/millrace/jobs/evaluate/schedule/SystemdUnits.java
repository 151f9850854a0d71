package dev.millrace.jobs.evaluate.schedule;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A timer and a service (systemd.timer(5), systemd.service(5)). The timer fires at the night's time
 * on its own clock, at once if the machine was off then, and after each boot, where a night that
 * was cut off goes on; the program itself knows whether anything is due. The service starts again
 * after a failure for now (75) or a kill, and after nothing else.
 */
final class SystemdUnits {
  private SystemdUnits() {}

  static Units of(Plan plan) {
    String name = "millrace-" + plan.name();
    Map<String, String> files = new LinkedHashMap<>();
    files.put(name + ".timer", timer(plan));
    files.put(name + ".service", service(plan));
    return new Units(
        files,
        "Copy both into ~/.config/systemd/user (or run this again with --install), then: systemctl"
            + " --user enable --now "
            + name
            + ".timer");
  }

  private static String timer(Plan plan) {
    String days = plan.time().isDaily() ? "" : plan.time().dayNames() + " ";
    return """
        [Unit]
        Description=Starts the evaluation %s

        [Timer]
        OnCalendar=%s*-*-* %s:00 %s
        OnCalendar=*-*-* %s:00 %s
        Persistent=true
        OnBootSec=5min
        AccuracySec=1min

        [Install]
        WantedBy=timers.target
        """
        .formatted(
            plan.name(),
            days,
            plan.time().clock(),
            plan.time().zone().getId(),
            plan.time().at().plusHours(1),
            plan.time().zone().getId());
  }

  private static String service(Plan plan) {
    String java =
        plan.javaHome().map(home -> "Environment=" + quoted("JAVA_HOME=" + home) + "\n").orElse("");
    String command =
        plan.command().stream().map(SystemdUnits::quoted).collect(Collectors.joining(" \\\n  "));
    return """
        [Unit]
        Description=Evaluation %s
        StartLimitIntervalSec=12h
        StartLimitBurst=10

        [Service]
        Type=oneshot
        %sWorkingDirectory=%s
        ExecStart=%s
        Restart=on-failure
        RestartSec=5min
        RestartPreventExitStatus=2 3 4 5 130
        TimeoutStartSec=infinity
        TimeoutStopSec=60
        KillMode=mixed
        Nice=10
        NoNewPrivileges=true
        """
        .formatted(plan.name(), java, path(plan.spec().getParent().toString()), command);
  }

  /** A word of a command line: quoted, with specifiers and variables switched off. */
  private static String quoted(String word) {
    String safe = word.replace("\\", "\\\\").replace("\"", "\\\"");
    return '"' + safe.replace("%", "%%").replace("$", "$$") + '"';
  }

  /** A path as a setting of its own: taken as it is but for specifiers. */
  private static String path(String path) {
    return path.replace("%", "%%");
  }
}
