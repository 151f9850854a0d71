package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.evaluate.night.NightEntry.State;
import dev.millrace.jobs.outcome.CommandException;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;

/**
 * Which night a start is about.
 *
 * <ul>
 *   <li>By name: that night; if it has ended, its verdict stands.
 *   <li>By the schedule: the latest night that is due, going on if it was cut off. Nothing if it
 *       has ended, whatever the file says by now: a date has one night. A night that was given up
 *       runs again if the file has changed since.
 *   <li>By hand: the last night of the same file that was cut off within a day, else a new one.
 *   <li>A night whose verdict is there and whose report or notices were cut off counts as cut off.
 * </ul>
 *
 * @param night the night to run
 * @param nothingToDo whether there is nothing to run
 * @param why one line for people
 */
record NightChoice(NightEntry night, boolean nothingToDo, String why) {
  private static final Duration RESUME_WITHIN = Duration.ofDays(1);

  static NightChoice of(NightStore store, SpecFile spec, NightSettings settings, Clock clock)
      throws IOException {
    if (settings.night().isPresent()) {
      return named(store, spec, settings.night().get());
    }
    if (settings.due().isPresent()) {
      return due(store, spec, settings.due().get(), clock.instant());
    }
    return byHand(store, spec, settings.startNew(), clock);
  }

  private static NightChoice run(NightEntry night) {
    return new NightChoice(night, false, "");
  }

  private static NightChoice named(NightStore store, SpecFile spec, NightId id) throws IOException {
    Optional<NightEntry> known = store.read(id);
    if (known.isPresent()
        && known.get().state() != State.ENDED
        && !known.get().fingerprint().equals(spec.fingerprint())) {
      throw CommandException.usage(
          "Night " + id + " was begun with another version of the evaluation's file",
          "Restore that file to go on, or start another night.");
    }
    return run(
        known.orElse(NightEntry.fresh(id, spec.name(), spec.fingerprint(), Optional.empty())));
  }

  private static NightChoice due(NightStore store, SpecFile spec, NightTime time, Instant now)
      throws IOException {
    LocalDate date = time.latest(now);
    Instant begins = time.begins(date).toInstant();
    Optional<Expectation> schedule = Expectation.read(store.root());
    if (schedule.isPresent() && begins.isBefore(schedule.get().since())) {
      return new NightChoice(
          NightEntry.fresh(new NightId(date, 1), spec.name(), spec.fingerprint(), Optional.empty()),
          true,
          "The first night is due at " + time.begins(time.next(now)) + ".");
    }
    for (NightEntry night : ofDate(store, date)) {
      boolean sameFile = night.fingerprint().equals(spec.fingerprint());
      boolean error =
          night.verdict().filter(v -> v.verdict().equals(NightVerdict.ERROR)).isPresent();
      if (night.state() == State.ENDED && (!error || sameFile)) {
        return new NightChoice(
            night,
            night.closed(),
            "Night "
                + night.id()
                + " has ended: "
                + night.verdict().orElseThrow().verdict()
                + ". The next is due at "
                + time.begins(time.next(now))
                + ".");
      }
      if (night.state() != State.ENDED && sameFile) {
        return run(night);
      }
    }
    return run(
        NightEntry.fresh(store.unused(date), spec.name(), spec.fingerprint(), Optional.of(begins)));
  }

  /** Nights of a date that a schedule started; those by hand do not stand in for them. */
  private static List<NightEntry> ofDate(NightStore store, LocalDate date) throws IOException {
    return store.nights().stream()
        .filter(night -> night.id().date().equals(date) && night.due().isPresent())
        .toList();
  }

  private static NightChoice byHand(NightStore store, SpecFile spec, boolean startNew, Clock clock)
      throws IOException {
    Instant since = clock.instant().minus(RESUME_WITHIN);
    List<NightEntry> cutOff =
        store.nights().stream()
            .filter(night -> night.state() != State.ENDED || !night.closed())
            .filter(night -> night.fingerprint().equals(spec.fingerprint()))
            .filter(night -> night.started().filter(since::isBefore).isPresent())
            .toList();
    if (!cutOff.isEmpty() && !startNew) {
      return run(cutOff.get(cutOff.size() - 1));
    }
    LocalDate today = LocalDate.now(clock);
    return run(
        NightEntry.fresh(store.unused(today), spec.name(), spec.fingerprint(), Optional.empty()));
  }
}
