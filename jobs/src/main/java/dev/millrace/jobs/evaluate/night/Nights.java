package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.night.NightEntry.Notice;
import dev.millrace.jobs.evaluate.night.NightEntry.State;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.outcome.Failures;
import dev.millrace.pipeline.job.CancelToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * Runs an evaluation as a night. In order: one night at a time ({@link NightLock}); which night it
 * is, the same again after a crash ({@link NightChoice}); the evaluation, ended at the deadline;
 * the verdict stored; the report; the notifications; the removal of what is too old. From the
 * moment that the verdict is stored nothing changes it: what fails after that is told on standard
 * error and kept beside it, and what a kill cut off after that is done by the next start.
 */
public final class Nights {
  private static final int CATCH_UP_NIGHTS = 7;
  private static final int SUMMARY_CHARS_MAX = 500;

  private final Console console;
  private final NightSettings settings;
  private final Clock clock;
  private final Notifier notifier;

  public Nights(Console console, NightSettings settings) {
    this(
        console,
        settings,
        Clock.system(ZoneId.systemDefault()),
        time -> Thread.sleep(time.toMillis()));
  }

  Nights(Console console, NightSettings settings, Clock clock, Notifier.Pause pause) {
    this.console = console;
    this.settings = settings;
    this.clock = clock;
    this.notifier = new Notifier(settings.recipients(), pause);
  }

  /**
   * Runs or continues a night, or does nothing if the night that is due has ended.
   *
   * @param root the evaluation's folder
   * @param spec the evaluation's file; its bytes tell whether a cut-off night may go on
   * @return the exit code of the verdict; {@link ExitCode#DONE} if nothing was due
   * @throws CommandException if another night runs, or the evaluation could not be run
   */
  public ExitCode run(Path root, Path spec, NightBody body) {
    try {
      SpecFile file = SpecFile.read(spec);
      Files.createDirectories(root);
      NightStore store = new NightStore(root);
      if (settings.due().isPresent()) {
        // the first start of a schedule is its own beginning, unless `schedule` noted an earlier
        // one
        Expectation.keep(root, settings.due().get(), dueAt(settings.due().get()));
        NightChoice choice = choose(store, file);
        boolean runsAlready =
            choice.night().state() == State.RUNNING && NightLock.isHeld(store.root());
        if (choice.nothingToDo() || runsAlready) {
          return idle(choice);
        }
      }
      NightLock lock = NightLock.take(root, settings.overlapWait(), this::sayThatItWaits);
      try {
        return locked(store, file, body);
      } finally {
        lock.close();
      }
    } catch (IOException e) {
      throw Failures.explain(e);
    }
  }

  private Instant dueAt(NightTime due) {
    return due.begins(due.latest(clock.instant())).toInstant();
  }

  private void sayThatItWaits() {
    console.notice(
        "Another night runs: waiting for up to " + settings.overlapWait().toMinutes() + " min.");
  }

  private NightChoice choose(NightStore store, SpecFile file) throws IOException {
    return NightChoice.of(store, file, settings, clock);
  }

  /** Schedulers ask more often than nights are due, and mail what is printed: silence is right. */
  private ExitCode idle(NightChoice choice) {
    if (console.terminal()) {
      console.notice(choice.why());
    }
    return ExitCode.DONE;
  }

  private ExitCode locked(NightStore store, SpecFile file, NightBody body) throws IOException {
    NightChoice choice = choose(store, file); // anew: the night waited for may have been this one
    if (choice.nothingToDo()) {
      return idle(choice);
    }
    NightEntry entry = choice.night();
    if (entry.state() == State.ENDED) {
      if (!entry.closed()) {
        finish(store, entry, body, again(store, entry));
      }
      NightVerdict verdict = entry.verdict().orElseThrow();
      console.notice("Night " + entry.id() + " has ended: " + verdict.verdict() + ".");
      return verdict.exitCode();
    }
    catchUp(store, body);
    store.reserve();
    if (settings.due().isPresent() && entry.attempts().size() >= settings.attemptsMax()) {
      String why = "Cut off " + entry.attempts().size() + " times without a word; given up.";
      giveUp(store, entry, ExitCode.INTERNAL, why);
      throw new CommandException(
          ExitCode.INTERNAL, "Night " + entry.id() + ": " + why, "Look at the system's log.");
    }
    entry = entry.begun(clock.instant());
    store.write(entry);
    if (entry.attempts().size() > 1) {
      console.notice("Night " + entry.id() + " goes on where it was cut off.");
    }
    return attempt(store, entry, body);
  }

  private ExitCode attempt(NightStore store, NightEntry entry, NightBody body) throws IOException {
    Optional<Instant> end = settings.deadline().map(entry.started().orElseThrow()::plus);
    NightVerdict verdict;
    try (Deadline deadline = Deadline.watch(end, clock, console)) {
      Night night =
          new Night(
              entry.id(),
              store.folder(entry.id()),
              entry.attempts().size(),
              end,
              deadline.cancel(),
              store::keep);
      verdict = decide(store, entry, body, night, deadline);
      NightEntry ended = entry.ended(clock.instant(), verdict);
      store.write(ended);
      if (verdict.verdict().equals(NightVerdict.INCOMPLETE)) {
        console.notice(verdict.summary());
      }
      finish(store, ended, body, night);
    }
    return verdict.exitCode();
  }

  private NightVerdict decide(
      NightStore store, NightEntry entry, NightBody body, Night night, Deadline deadline) {
    try {
      return body.decide(night);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      CommandException failure = Failures.explain(e);
      if (failure.exitCode() != ExitCode.INTERRUPTED || !deadline.hasPassed()) {
        throw failed(store, entry, failure);
      }
      return new NightVerdict(
          ExitCode.FAILED_ROWS,
          NightVerdict.INCOMPLETE,
          "The deadline " + night.deadline().orElseThrow() + " came before the end.",
          List.of());
    }
  }

  /** Stores why the evaluation could not be run; gives the night up if trying again is no use. */
  private CommandException failed(NightStore store, NightEntry entry, CommandException failure) {
    ExitCode code = failure.exitCode();
    boolean mayPass = code == ExitCode.RETRYABLE || code == ExitCode.INTERNAL;
    boolean again = mayPass && entry.attempts().size() < settings.attemptsMax();
    try {
      if (again || byHand() || code == ExitCode.INTERRUPTED) {
        store.write(entry.stopped(clock.instant(), code.name()));
        if (byHand() && !mayPass && code != ExitCode.INTERRUPTED) {
          store.dropIfBare(entry.id());
        }
      } else {
        giveUp(store, entry, code, failure.getMessage());
      }
    } catch (IOException e) {
      failure.addSuppressed(e);
      console.notice("The night's record could not be written: " + InertText.line(text(e)));
    }
    return failure;
  }

  private boolean byHand() {
    return settings.due().isEmpty() && settings.recipients().isEmpty();
  }

  private void giveUp(NightStore store, NightEntry entry, ExitCode code, String why)
      throws IOException {
    String summary = InertText.line(why, SUMMARY_CHARS_MAX);
    NightVerdict error = new NightVerdict(code, NightVerdict.ERROR, summary, List.of());
    NightEntry ended = entry.ended(clock.instant(), error);
    store.write(ended);
    tell(store, ended);
  }

  private void finish(NightStore store, NightEntry ended, NightBody body, Night night) {
    NightEntry entry = ended;
    try {
      body.report(night, ended.verdict().orElseThrow());
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      entry = troubled(entry, "The report could not be written: " + text(e));
    }
    try {
      tell(store, entry);
      settings.keepNights().ifPresent(keep -> retain(store, keep, body));
    } catch (IOException e) {
      troubled(entry, "The night's record could not be written: " + text(e));
    }
  }

  /** A night that has its verdict, for what follows it. */
  private static Night again(NightStore store, NightEntry ended) {
    return new Night(
        ended.id(),
        store.folder(ended.id()),
        ended.attempts().size(),
        Optional.empty(),
        new CancelToken(),
        store::keep);
  }

  private NightEntry troubled(NightEntry entry, String what) {
    console.notice(InertText.line(what) + " The verdict stands.");
    return entry.troubledBy(InertText.line(what));
  }

  private static String text(Throwable failure) {
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }

  private void tell(NightStore store, NightEntry entry) throws IOException {
    NightVerdict verdict = entry.verdict().orElseThrow();
    boolean silent = settings.problemsOnly() && verdict.verdict().equals(NightVerdict.PASS);
    List<Notice> notices =
        silent ? entry.notices() : notifier.tell(entry, store.folder(entry.id()));
    for (Notice notice : notices) {
      if (!notice.delivered()) {
        console.notice(
            "Not told: " + notice.to() + " (" + notice.error() + "); tried again next night.");
      }
    }
    store.write(entry.told(notices).close());
  }

  private void retain(NightStore store, int keep, NightBody body) {
    try {
      int emptied = new Retention(store, keep).apply(body.kept());
      if (emptied > 0) {
        console.notice("Removed the files of " + emptied + " old nights.");
      }
    } catch (IOException e) {
      console.notice("Old nights could not be removed: " + InertText.line(text(e)));
    }
  }

  /** Does for the last nights what a kill cut off, and tells those whom they have not reached. */
  private void catchUp(NightStore store, NightBody body) throws IOException {
    List<NightEntry> nights = store.nights();
    Instant since = clock.instant().minus(Duration.ofDays(CATCH_UP_NIGHTS));
    for (NightEntry night : nights) {
      boolean recent = night.finished().filter(since::isBefore).isPresent();
      boolean pending = night.notices().stream().anyMatch(notice -> !notice.delivered());
      if (night.state() != State.ENDED || !recent) {
        continue;
      }
      if (!night.closed()) {
        store.write(
            night.close()); // first: a report that kills its process holds up one night only
        finish(store, night, body, again(store, night));
      } else if (pending) {
        store.write(night.told(notifier.tellOnce(night, store.folder(night.id()))));
      }
    }
  }
}
