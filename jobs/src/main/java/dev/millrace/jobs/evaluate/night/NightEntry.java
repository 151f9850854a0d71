package dev.millrace.jobs.evaluate.night;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What is known of one night; {@link NightStore} keeps it.
 *
 * @param id its name
 * @param spec name of the evaluation
 * @param fingerprint digest of the evaluation's file
 * @param state how far it came
 * @param due when it was to begin; empty for a run by hand
 * @param attempts each start of it, in order
 * @param verdict what it came to, once it has ended
 * @param notices who was told
 * @param trouble what went wrong beside the verdict: a report that could not be written
 * @param closed whether all that follows the verdict was done; if not, the next start does it
 */
public record NightEntry(
    NightId id,
    String spec,
    String fingerprint,
    State state,
    Optional<Instant> due,
    List<Attempt> attempts,
    Optional<NightVerdict> verdict,
    List<Notice> notices,
    List<String> trouble,
    boolean closed) {

  /** How far a night came. */
  public enum State {
    /** An attempt runs, or was cut off without a word. */
    RUNNING,
    /** The last attempt said why it stopped; the next start goes on. */
    STOPPED,
    /** There is a verdict; it does not change. */
    ENDED
  }

  /**
   * One start.
   *
   * @param started when
   * @param ended when it stopped; null while it runs or if it was killed
   * @param outcome what it ended with; empty while it runs or if it was killed
   */
  public record Attempt(Instant started, Instant ended, String outcome) {
    public Attempt {
      Objects.requireNonNull(started, "started");
      Objects.requireNonNull(outcome, "outcome");
    }
  }

  /**
   * One address that was to hear of the verdict.
   *
   * @param to whom, without anything secret
   * @param delivered whether it arrived
   * @param tries how often it was sent
   * @param error why it did not arrive; empty if it did
   */
  public record Notice(String to, boolean delivered, int tries, String error) {}

  public NightEntry {
    attempts = List.copyOf(attempts);
    notices = List.copyOf(notices);
    trouble = List.copyOf(trouble);
    if ((state == State.ENDED) != verdict.isPresent()) {
      throw new IllegalArgumentException("expected a verdict in state ENDED alone: " + state);
    }
    if (closed && state != State.ENDED) {
      throw new IllegalArgumentException("expected a night that is closed to have ended: " + state);
    }
  }

  /** A night that has not begun. */
  static NightEntry fresh(NightId id, String spec, String fingerprint, Optional<Instant> due) {
    return new NightEntry(
        id,
        spec,
        fingerprint,
        State.STOPPED,
        due,
        List.of(),
        Optional.empty(),
        List.of(),
        List.of(),
        false);
  }

  NightEntry begun(Instant now) {
    List<Attempt> all = new ArrayList<>(attempts);
    all.add(new Attempt(now, null, ""));
    return new NightEntry(
        id, spec, fingerprint, State.RUNNING, due, all, verdict, notices, trouble, closed);
  }

  NightEntry stopped(Instant now, String outcome) {
    return new NightEntry(
        id,
        spec,
        fingerprint,
        State.STOPPED,
        due,
        stoppedAttempts(now, outcome),
        verdict,
        notices,
        trouble,
        closed);
  }

  NightEntry ended(Instant now, NightVerdict reached) {
    return new NightEntry(
        id,
        spec,
        fingerprint,
        State.ENDED,
        due,
        stoppedAttempts(now, reached.verdict()),
        Optional.of(reached),
        notices,
        trouble,
        closed);
  }

  NightEntry told(List<Notice> to) {
    return new NightEntry(
        id, spec, fingerprint, state, due, attempts, verdict, to, trouble, closed);
  }

  /** Nothing is left to do. */
  NightEntry close() {
    return new NightEntry(
        id, spec, fingerprint, state, due, attempts, verdict, notices, trouble, true);
  }

  NightEntry troubledBy(String what) {
    List<String> all = new ArrayList<>(trouble);
    all.add(what);
    return new NightEntry(
        id, spec, fingerprint, state, due, attempts, verdict, notices, all, closed);
  }

  private List<Attempt> stoppedAttempts(Instant now, String outcome) {
    List<Attempt> all = new ArrayList<>(attempts);
    Attempt last = all.remove(all.size() - 1);
    all.add(new Attempt(last.started(), now, outcome));
    return all;
  }

  /** When the first attempt began; empty before that. */
  public Optional<Instant> started() {
    return attempts.isEmpty() ? Optional.empty() : Optional.of(attempts.get(0).started());
  }

  /** When the last attempt stopped; empty while it runs or if it was killed. */
  public Optional<Instant> finished() {
    return attempts.isEmpty()
        ? Optional.empty()
        : Optional.ofNullable(attempts.get(attempts.size() - 1).ended());
  }
}
