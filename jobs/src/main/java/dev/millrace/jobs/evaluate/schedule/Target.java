package dev.millrace.jobs.evaluate.schedule;

import java.util.Locale;

/** What starts evaluations. */
public enum Target {
  SYSTEMD {
    @Override
    public Units units(Plan plan) {
      return SystemdUnits.of(plan);
    }
  },
  CRON {
    @Override
    public Units units(Plan plan) {
      return CronUnits.of(plan);
    }
  },
  KUBERNETES {
    @Override
    public Units units(Plan plan) {
      return KubernetesUnits.of(plan);
    }
  },
  AIRFLOW {
    @Override
    public Units units(Plan plan) {
      return AirflowUnits.of(plan);
    }
  };

  /** Its files for a plan. */
  public abstract Units units(Plan plan);

  /** Whether it starts things on this machine, where they can be installed at once. */
  public boolean isLocal() {
    return this == SYSTEMD || this == CRON;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
