package dev.millrace.jobs.evaluate.night;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.evaluate.night.NightEntry.State;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NightsTest {
  @TempDir private Path folder;
  private NightFixture fixture;

  @BeforeEach
  void makeAFolder() throws IOException {
    fixture = new NightFixture(folder);
    fixture.nextNight();
  }

  @Test
  void aDueNightRunsOnceHoweverOftenItIsStarted() throws IOException {
    for (int start = 0; start < 24; start++) {
      assertEquals(
          start == 0 ? ExitCode.GATE_FAILED : ExitCode.DONE, fixture.run("FAIL"), "start " + start);
      fixture.clock.now = fixture.clock.now.plus(Duration.ofMinutes(59));
    }

    assertEquals(1, fixture.nights.size());
    NightEntry night = fixture.entry("2026-11-25");
    assertEquals(State.ENDED, night.state());
    assertEquals("FAIL", night.verdict().orElseThrow().verdict());
    assertEquals("", fixture.told(), "a start with nothing to do must print nothing");
  }

  @Test
  void everyDateHasItsNight() throws IOException {
    for (int i = 0; i < 5; i++) {
      fixture.run("PASS");
      fixture.nextNight();
    }

    assertEquals(
        List.of("2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-29"),
        fixture.store().nights().stream().map(n -> n.id().toString()).toList());
  }

  @Test
  void aClockChangeMakesNoNightTwiceAndNoneMissing() throws IOException {
    fixture.due = Optional.of("02:30 Europe/Berlin");
    for (String day : List.of("2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z")) {
      fixture.nights.clear();
      fixture.clock.now = Instant.parse(day);
      for (int quarter = 0; quarter < 2 * 96; quarter++) {
        fixture.run("PASS");
        fixture.clock.now = fixture.clock.now.plus(Duration.ofMinutes(15));
      }

      assertEquals(3, fixture.nights.size(), day);
      assertEquals(3, fixture.nights.stream().map(Night::id).distinct().count(), day);
    }
  }

  @Test
  void aKilledNightGoesOnAsTheSameOneEvenAfterMidnight() throws IOException {
    fixture.due = Optional.of("23:30 UTC");
    fixture.clock.now = Instant.parse("2026-11-25T23:30:00Z");
    assertThrows(
        Killed.class,
        () ->
            fixture.run(
                night -> {
                  Files.writeString(night.folder().resolve("half"), "done");
                  throw new Killed();
                }));
    fixture.clock.now = Instant.parse("2026-11-26T00:10:00Z");

    assertEquals(ExitCode.DONE, fixture.run("PASS"));

    Night second = fixture.nights.get(1);
    assertEquals("2026-11-25", second.id().toString());
    assertTrue(second.resumed());
    assertTrue(Files.exists(second.folder().resolve("half")));
    assertEquals(2, fixture.entry("2026-11-25").attempts().size());
    assertTrue(fixture.told().contains("Night 2026-11-25 goes on"), fixture.told());
  }

  /** Ends an attempt the way kill -9 does: nothing of ours runs after it. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1;
  }

  /** A body that reaches its verdict and is killed while the report is written. */
  private static NightBody killedInItsReport(String word) {
    return new NightBody() {
      @Override
      public NightVerdict decide(Night night) {
        return NightFixture.verdict(word);
      }

      @Override
      public void report(Night night, NightVerdict verdict) {
        throw new Killed();
      }
    };
  }

  /** A body that must not decide again; it writes the report. */
  private static NightBody reportsAlone(List<String> reported) {
    return new NightBody() {
      @Override
      public NightVerdict decide(Night night) {
        throw new AssertionError("the verdict of " + night.id() + " was there");
      }

      @Override
      public void report(Night night, NightVerdict verdict) {
        reported.add(night.id() + " " + verdict.verdict());
      }
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"due", "by hand", "named"})
  void aNightKilledAfterItsVerdictIsReportedByTheNextStart(String start) throws IOException {
    if (!start.equals("due")) {
      fixture.due = Optional.empty();
      fixture.night = start.equals("named") ? Optional.of("2026-11-25") : Optional.empty();
    }
    assertThrows(Killed.class, () -> fixture.run(killedInItsReport("FAIL")));
    List<String> reported = new ArrayList<>();

    assertEquals(ExitCode.GATE_FAILED, fixture.run(reportsAlone(reported)));

    assertEquals(List.of("2026-11-25 FAIL"), reported);
    assertTrue(fixture.entry("2026-11-25").closed());
    assertEquals(1, fixture.entry("2026-11-25").attempts().size());
  }

  @Test
  void aReportThatKillsItsProcessHoldsUpTheNextNightOnceOnly() throws IOException {
    assertThrows(Killed.class, () -> fixture.run(killedInItsReport("FAIL")));
    fixture.nextNight();

    assertThrows(Killed.class, () -> fixture.run(killedInItsReport("PASS")));
    assertEquals(ExitCode.DONE, fixture.run("PASS"));

    assertEquals("PASS", fixture.entry("2026-11-26").verdict().orElseThrow().verdict());
  }

  @Test
  void aNightKilledAtItsBirthKeepsItsName() throws IOException {
    Path born = Files.createDirectories(fixture.root.resolve("nights/2026-11-25"));
    Files.writeString(born.resolve(".run.json.tmp"), "{");

    fixture.run("PASS");

    assertEquals("2026-11-25", fixture.nights.get(0).id().toString());
  }

  @Test
  void aNightThatIsKilledEveryTimeIsGivenUpAndSaysSo() throws IOException {
    for (int i = 0; i < 3; i++) {
      assertThrows(
          Killed.class,
          () ->
              fixture.run(
                  night -> {
                    throw new Killed();
                  }));
    }

    assertThrows(CommandException.class, () -> fixture.run("PASS"));

    NightVerdict verdict = fixture.entry("2026-11-25").verdict().orElseThrow();
    assertEquals(NightVerdict.ERROR, verdict.verdict());
    assertTrue(verdict.summary().contains("Cut off 3 times"), verdict.summary());
    assertEquals(ExitCode.DONE, fixture.run("PASS"), "a night given up is not started again");
  }

  @Test
  void aFailureForNowIsTriedAgainAndAUsageErrorIsNot() throws IOException {
    assertEquals(ExitCode.RETRYABLE, fails(new IOException("No space left on device")).exitCode());
    assertEquals(State.STOPPED, fixture.entry("2026-11-25").state());

    assertEquals(ExitCode.USAGE, fails(CommandException.usage("bad\u001b[31m key", "")).exitCode());

    NightVerdict verdict = fixture.entry("2026-11-25").verdict().orElseThrow();
    assertEquals("ERROR bad⟨U+001B⟩[31m key", verdict.verdict() + " " + verdict.summary());
    Files.writeString(fixture.spec, "tasks: [mended]\n");
    assertEquals(ExitCode.DONE, fixture.run("PASS"));
    assertEquals("2026-11-25.02", fixture.nights.get(2).id().toString());
  }

  private CommandException fails(Exception failure) {
    return assertThrows(
        CommandException.class,
        () ->
            fixture.run(
                night -> {
                  if (failure instanceof IOException io) {
                    throw io;
                  }
                  throw (RuntimeException) failure;
                }));
  }

  @Test
  void theSecondNightIsRefusedOrWaitsAsSet() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    AtomicReference<ExitCode> firstCode = new AtomicReference<>();
    Thread first =
        new Thread(
            () ->
                firstCode.set(
                    fixture.run(
                        night -> {
                          inside.countDown();
                          await(leave);
                          return NightFixture.verdict("PASS");
                        })));
    first.start();
    inside.await();
    NightFixture second = new NightFixture(folder);
    second.clock.now = fixture.clock.now.plus(Duration.ofDays(1));

    CommandException refused = assertThrows(CommandException.class, () -> second.run("PASS"));

    assertEquals(ExitCode.RETRYABLE, refused.exitCode());
    assertTrue(refused.getMessage().contains("two nights never overlap"), refused.getMessage());
    second.wait = Duration.ofMinutes(1);
    AtomicReference<ExitCode> secondCode = new AtomicReference<>();
    Thread waiting = new Thread(() -> secondCode.set(second.run("PASS")));
    waiting.start();
    while (!second.told().contains("waiting")) {
      Thread.sleep(10);
    }
    NightFixture third = new NightFixture(folder);
    third.clock.now = second.clock.now;
    third.wait = Duration.ofMinutes(1);
    CommandException tooMany = assertThrows(CommandException.class, () -> third.run("PASS"));
    assertTrue(tooMany.getMessage().contains("already waits"), tooMany.getMessage());
    assertTrue(second.nights.isEmpty(), "the second must not begin while the first runs");
    leave.countDown();
    first.join();
    waiting.join();
    assertEquals(ExitCode.DONE, firstCode.get());
    assertEquals(ExitCode.DONE, secondCode.get());
    assertEquals(2, fixture.store().nights().size());
  }

  @Test
  void aStartWhileItsOwnNightRunsSaysNothingAndWaitsForNothing() throws IOException {
    NightFixture second = new NightFixture(folder);
    second.clock.now = fixture.clock.now.plus(Duration.ofHours(1));
    second.wait = Duration.ofHours(4);

    fixture.run(
        night -> {
          assertEquals(ExitCode.DONE, second.run("FAIL"));
          return NightFixture.verdict("PASS");
        });

    assertEquals("", second.told());
    assertEquals(0, second.nights.size());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void theDeadlineEndsANightWhichIsThenIncomplete() throws IOException {
    fixture.deadline = Optional.of(Duration.ofHours(4));

    ExitCode code =
        fixture.run(
            night -> {
              fixture.clock.now = fixture.clock.now.plus(Duration.ofHours(4));
              while (!night.cancel().isCancelled()) {
                Thread.onSpinWait();
              }
              night.cancel().check();
              throw new IllegalStateException("not reached");
            });

    assertEquals(ExitCode.FAILED_ROWS, code);
    NightVerdict verdict = fixture.entry("2026-11-25").verdict().orElseThrow();
    assertEquals(NightVerdict.INCOMPLETE, verdict.verdict());
    assertTrue(verdict.summary().contains("2026-11-25T06:00:00Z"), verdict.summary());
    assertEquals(ExitCode.DONE, fixture.run("PASS"), "it is not started again");
  }

  @Test
  void aNightInTimeIsNotTouchedByItsDeadline() throws IOException {
    fixture.deadline = Optional.of(Duration.ofHours(4));

    assertEquals(ExitCode.DONE, fixture.run("PASS"));
  }

  @Test
  void aReportThatCannotBeWrittenLeavesTheVerdict() throws IOException {
    ExitCode code =
        fixture.run(
            new NightBody() {
              @Override
              public NightVerdict decide(Night night) {
                return NightFixture.verdict("FAIL");
              }

              @Override
              public void report(Night night, NightVerdict verdict) throws IOException {
                throw new IOException("No space left on device");
              }
            });

    assertEquals(ExitCode.GATE_FAILED, code);
    NightEntry night = fixture.entry("2026-11-25");
    assertEquals("FAIL", night.verdict().orElseThrow().verdict());
    assertTrue(night.trouble().get(0).contains("No space left"), night.trouble().toString());
    assertTrue(fixture.told().contains("The verdict stands."), fixture.told());
  }

  @Test
  void runsByHandAreNewNightsAndLeaveTheScheduleAlone() throws IOException {
    fixture.due = Optional.empty();
    fixture.run("PASS");
    fixture.run("PASS");
    fixture.due = Optional.of("02:00 UTC");

    fixture.run("PASS");

    assertEquals(
        List.of("2026-11-25", "2026-11-25.02", "2026-11-25.03"),
        fixture.nights.stream().map(n -> n.id().toString()).toList());
  }

  @Test
  void aRunByHandWithABadFileLeavesNoNight() throws IOException {
    fixture.due = Optional.empty();

    fails(CommandException.usage("bad key", ""));

    assertEquals(List.of(), fixture.store().nights());
  }

  @Test
  void aNamedNightThatHasEndedSaysItsVerdictAgain() {
    fixture.run("FAIL");
    fixture.night = Optional.of("2026-11-25");

    assertEquals(ExitCode.GATE_FAILED, fixture.run("PASS"));
    assertEquals(1, fixture.nights.size());
  }

  @Test
  void oldNightsLoseTheirFilesAndKeepTheirResults() throws IOException {
    fixture.keep = Optional.of(2);
    for (int i = 0; i < 5; i++) {
      fixture.run(
          night -> {
            Files.createDirectories(night.folder().resolve("samples"));
            Files.writeString(night.folder().resolve("samples/a.jsonl"), "{}");
            Files.writeString(night.folder().resolve("night.json"), "{}");
            if (night.id().toString().equals("2026-11-26")) {
              Files.writeString(night.folder().resolve(Retention.KEEP), "");
            }
            return NightFixture.verdict("PASS");
          });
      fixture.nextNight();
    }

    assertEquals(5, fixture.store().nights().size());
    assertFalse(hasSamples("2026-11-25"));
    assertTrue(hasSamples("2026-11-26"), "a night marked KEEP stays");
    assertFalse(hasSamples("2026-11-27"));
    assertTrue(hasSamples("2026-11-28") && hasSamples("2026-11-29"));
    assertTrue(Files.exists(fixture.root.resolve("nights/2026-11-25/night.json")));
  }

  private boolean hasSamples(String id) {
    return Files.exists(fixture.root.resolve("nights").resolve(id).resolve("samples/a.jsonl"));
  }
}
