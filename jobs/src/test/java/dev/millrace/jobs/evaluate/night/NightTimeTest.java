package dev.millrace.jobs.evaluate.night;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NightTimeTest {
  private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

  @ParameterizedTest
  @CsvSource({
    "02:00, 02:00 Europe/Berlin",
    "2:05, 02:05 Europe/Berlin",
    "daily 02:00 UTC, 02:00 UTC",
    "mon-fri 23:30, 'mon,tue,wed,thu,fri 23:30 Europe/Berlin'",
    "'sat,sunday 01:15 America/New_York', 'sat,sun 01:15 America/New_York'",
    "fri-mon 00:00, 'mon,fri,sat,sun 00:00 Europe/Berlin'",
  })
  void timesAreReadAsPeopleWriteThem(String text, String canonical) {
    NightTime time = NightTime.parse(text, BERLIN);

    assertEquals(canonical, time.toString());
    assertEquals(time, NightTime.parse(canonical, ZoneOffset.UTC));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "25:00", "2 am", "mo 02:00", "mon-tue-wed 02:00", "02:00 UTC x", "*"})
  void anythingElseIsRefusedWithAnExample(String text) {
    Throwable refused =
        assertThrows(IllegalArgumentException.class, () -> NightTime.parse(text, BERLIN));

    assertTrue(
        refused.getMessage().contains("expected a time such as '02:00'"), refused.toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"})
  void aYearOfAnyClockHasEveryNightOnce(String zone) {
    for (String clock : List.of("00:00", "01:30", "02:00", "02:30", "03:00", "23:59")) {
      NightTime time = NightTime.parse(clock, ZoneId.of(zone));
      Instant start = Instant.parse("2026-01-01T12:00:00Z");
      Set<LocalDate> seen = new HashSet<>();
      for (int quarter = 0; quarter < 366 * 96; quarter++) {
        seen.add(time.latest(start.plus(Duration.ofMinutes(15L * quarter))));
      }

      Instant end = start.plus(Duration.ofMinutes(15L * (366 * 96 - 1)));
      Set<LocalDate> expected = new HashSet<>(time.between(start, end));
      expected.add(time.latest(start));
      assertEquals(expected, seen, clock + " " + zone);
      assertTrue(seen.size() == 366 || seen.size() == 367, clock + " " + zone + " " + seen.size());
    }
  }

  @Test
  void aSkippedTimeComesLaterAndARepeatedOneCountsOnce() {
    NightTime time = NightTime.parse("02:30", BERLIN);

    LocalDate spring = LocalDate.of(2026, 3, 29);
    assertEquals(Instant.parse("2026-03-29T01:30:00Z"), time.begins(spring).toInstant());
    assertEquals(spring.minusDays(1), time.latest(Instant.parse("2026-03-29T01:29:59Z")));
    assertEquals(spring, time.latest(Instant.parse("2026-03-29T01:30:00Z")));

    LocalDate autumn = LocalDate.of(2026, 10, 25);
    assertEquals(Instant.parse("2026-10-25T00:30:00Z"), time.begins(autumn).toInstant());
    assertEquals(autumn, time.latest(Instant.parse("2026-10-25T00:30:00Z")));
    assertEquals(autumn, time.latest(Instant.parse("2026-10-25T01:30:00Z")));
  }

  @ParameterizedTest
  @CsvSource({"Z, UTC", "+02:00, Etc/GMT-2", "-05:00, Etc/GMT+5", "UTC, UTC", "Etc/UTC, Etc/UTC"})
  void offsetsGetTheNamesThatSchedulersKnow(String offset, String name) {
    NightTime time = NightTime.parse("02:00", ZoneId.of(offset));

    assertEquals(name, time.zone().getId());
    LocalDate date = LocalDate.of(2026, 11, 25);
    assertEquals(
        date.atTime(2, 0).atZone(ZoneId.of(offset)).toInstant(), time.begins(date).toInstant());
  }

  @Test
  void onlyTheDaysAskedForHaveANight() {
    NightTime time = NightTime.parse("mon-fri 02:00", ZoneOffset.UTC);

    Instant sunday = Instant.parse("2026-11-29T10:00:00Z");
    assertEquals(LocalDate.of(2026, 11, 27), time.latest(sunday));
    assertEquals(LocalDate.of(2026, 11, 30), time.next(sunday));
    assertEquals(
        List.of(LocalDate.of(2026, 11, 26), LocalDate.of(2026, 11, 27)),
        time.between(Instant.parse("2026-11-25T03:00:00Z"), sunday));
  }
}
