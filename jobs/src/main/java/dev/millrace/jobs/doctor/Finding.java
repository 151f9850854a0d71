package dev.millrace.jobs.doctor;

import java.util.Objects;

/**
 * What one check found.
 *
 * @param subject what was looked at
 * @param grade whether that will do
 * @param found what is there
 * @param remedy what to do; empty if nothing need be done
 */
public record Finding(String subject, Grade grade, String found, String remedy) {

  /** Whether what was found will do. */
  public enum Grade {
    GOOD("ok"),
    SLOW("slow"),
    MISSING("MISSING");

    private final String label;

    Grade(String label) {
      this.label = label;
    }

    public String label() {
      return label;
    }
  }

  public Finding {
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(grade, "grade");
    Objects.requireNonNull(found, "found");
    Objects.requireNonNull(remedy, "remedy");
    if (remedy.isEmpty() != (grade == Grade.GOOD)) {
      throw new IllegalArgumentException(
          subject + ": expected a remedy exactly where something is not good, found " + grade);
    }
  }

  static Finding good(String subject, String found) {
    return new Finding(subject, Grade.GOOD, found, "");
  }

  static Finding slow(String subject, String found, String remedy) {
    return new Finding(subject, Grade.SLOW, found, remedy);
  }

  static Finding missing(String subject, String found, String remedy) {
    return new Finding(subject, Grade.MISSING, found, remedy);
  }
}
