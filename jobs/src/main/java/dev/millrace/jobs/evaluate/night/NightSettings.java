package dev.millrace.jobs.evaluate.night;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How nights run by themselves.
 *
 * @param due when nights are due: the start runs the latest one and does nothing if that has ended;
 *     empty for a run by hand
 * @param night the night to run or continue by name; empty to find it
 * @param startNew for a run by hand: leave one that was cut off alone
 * @param overlapWait longest to wait for another night that still runs; zero refuses
 * @param deadline longest from the first start to the end; empty for none
 * @param attemptsMax starts of one due night before it is given up
 * @param keepNights how many nights keep their files; empty for all
 * @param recipients who hears of the verdict
 * @param problemsOnly whether a PASS is told to nobody
 */
public record NightSettings(
    Optional<NightTime> due,
    Optional<NightId> night,
    boolean startNew,
    Duration overlapWait,
    Optional<Duration> deadline,
    int attemptsMax,
    Optional<Integer> keepNights,
    List<Recipient> recipients,
    boolean problemsOnly) {
  public NightSettings {
    Objects.requireNonNull(due, "due");
    Objects.requireNonNull(overlapWait, "overlapWait");
    recipients = List.copyOf(recipients);
    if (attemptsMax < 1) {
      throw new IllegalArgumentException("expected at least 1 attempt, found " + attemptsMax);
    }
    if (keepNights.isPresent() && keepNights.get() < 1) {
      throw new IllegalArgumentException("expected to keep at least 1 night, found " + keepNights);
    }
    if (deadline.isPresent() && (deadline.get().isZero() || deadline.get().isNegative())) {
      throw new IllegalArgumentException("expected a deadline above 0, found " + deadline.get());
    }
  }

  /** A run by hand without anything around it. */
  public static NightSettings byHand() {
    return new NightSettings(
        Optional.empty(),
        Optional.empty(),
        false,
        Duration.ZERO,
        Optional.empty(),
        3,
        Optional.empty(),
        List.of(),
        false);
  }
}
