package dev.millrace.jobs.evaluate.night;

import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;

/**
 * Names a night: its local date, and which run of that date it is. Written {@code 2026-11-25}, the
 * second run {@code 2026-11-25.02}; also the name of its folder, and names sort as nights do.
 *
 * @param date local date on which the night was due, or a run by hand began
 * @param run from 1
 */
public record NightId(LocalDate date, int run) implements Comparable<NightId> {
  public NightId {
    if (run < 1) {
      throw new IllegalArgumentException("expected a run from 1, found " + run);
    }
  }

  /** Reads a name; empty if it is none. */
  public static Optional<NightId> parse(String name) {
    int dot = name.indexOf('.');
    try {
      LocalDate date = LocalDate.parse(dot < 0 ? name : name.substring(0, dot));
      NightId id = new NightId(date, dot < 0 ? 1 : Integer.parseInt(name.substring(dot + 1)));
      return id.toString().equals(name) ? Optional.of(id) : Optional.empty();
    } catch (DateTimeParseException | IllegalArgumentException e) {
      return Optional.empty(); // some other folder
    }
  }

  /** The next run of the same date. */
  public NightId again() {
    return new NightId(date, run + 1);
  }

  @Override
  public int compareTo(NightId other) {
    int byDate = date.compareTo(other.date);
    return byDate != 0 ? byDate : Integer.compare(run, other.run);
  }

  @Override
  public String toString() {
    return run == 1 ? date.toString() : String.format(Locale.ROOT, "%s.%02d", date, run);
  }
}
