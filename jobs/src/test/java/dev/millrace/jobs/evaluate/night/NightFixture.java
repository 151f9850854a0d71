package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A folder of nights with a clock that is set by hand and a console that can be read. */
final class NightFixture {
  static final Instant EVENING = Instant.parse("2026-11-24T20:00:00Z");

  final Path root;
  final Path spec;
  final HandClock clock = new HandClock(EVENING);
  final List<Duration> pauses = new ArrayList<>();
  final ByteArrayOutputStream err = new ByteArrayOutputStream();
  final List<Night> nights = new ArrayList<>();

  Optional<String> due = Optional.of("02:00 UTC");
  Optional<String> night = Optional.empty();
  Duration wait = Duration.ZERO;
  Optional<Duration> deadline = Optional.empty();
  Optional<Integer> keep = Optional.empty();
  List<Recipient> recipients = List.of();
  boolean problemsOnly;

  NightFixture(Path folder) throws IOException {
    root = folder.resolve("out");
    spec = Files.writeString(folder.resolve("nightly.yaml"), "tasks: [a]\n");
  }

  static NightVerdict verdict(String word) {
    return new NightVerdict(
        word.equals("FAIL") ? ExitCode.GATE_FAILED : ExitCode.DONE,
        word,
        "It was " + word + ".",
        List.of(new TaskLine("gsm8k", "", "exact_match", 0.5, 0.4, 0.6, 100, word)));
  }

  /** Runs with a body that notes the night and says this verdict. */
  ExitCode run(String word) {
    return run(
        night -> {
          Files.writeString(night.folder().resolve("report.html"), word);
          return verdict(word);
        });
  }

  ExitCode run(NightBody body) {
    return nights()
        .run(
            root,
            spec,
            new NightBody() {
              @Override
              public NightVerdict decide(Night night) throws IOException {
                nights.add(night);
                return body.decide(night);
              }

              @Override
              public void report(Night night, NightVerdict verdict) throws IOException {
                body.report(night, verdict);
              }
            });
  }

  Nights nights() {
    NightSettings settings =
        new NightSettings(
            due.map(text -> NightTime.parse(text, ZoneOffset.UTC)),
            night.map(text -> NightId.parse(text).orElseThrow()),
            false,
            wait,
            deadline,
            3,
            keep,
            recipients,
            problemsOnly);
    return new Nights(console(), settings, clock, pauses::add);
  }

  Console console() {
    PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
    return new Console(stream, stream, Map.of(), false);
  }

  NightStore store() {
    return new NightStore(root);
  }

  NightEntry entry(String id) throws IOException {
    return store().read(NightId.parse(id).orElseThrow()).orElseThrow();
  }

  String told() {
    return err.toString(StandardCharsets.UTF_8);
  }

  /** Moves to the next 02:00 UTC. */
  void nextNight() {
    NightTime time = NightTime.parse("02:00", ZoneOffset.UTC);
    clock.now = time.begins(time.next(clock.now)).toInstant();
  }

  /** A clock that stands still until it is set. */
  static final class HandClock extends Clock {
    volatile Instant now;

    HandClock(Instant now) {
      this.now = now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException("the tests' clock is in UTC");
    }

    @Override
    public Instant instant() {
      return now;
    }
  }
}
