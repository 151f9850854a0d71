package dev.millrace.jobs.evaluate.night;

import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * When nights are due: a time of day on some days of the week, in a time zone. A night is named by
 * its local date and each date has one night at most, so a clock change makes none twice and none
 * missed: a time that the clock skips comes as much later as was skipped, one that it shows twice
 * counts the first time.
 *
 * <p>Written {@code [DAYS ]HH:MM[ ZONE]}: {@code 02:00}, {@code mon-fri 02:00 Europe/Berlin},
 * {@code sat,sun 23:30}.
 *
 * @param days on which days of the week; all seven for every night
 * @param at local time of day, in whole minutes
 * @param zone whose clock it is
 */
public record NightTime(Set<DayOfWeek> days, LocalTime at, ZoneId zone) {
  private static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("H:mm", Locale.ROOT);
  private static final DateTimeFormatter CLOCK_OUT =
      DateTimeFormatter.ofPattern("HH:mm", Locale.ROOT);
  private static final int DAYS_A_WEEK = 7;
  private static final int SECONDS_AN_HOUR = 3600;

  public NightTime {
    if (days.isEmpty()) {
      throw new IllegalArgumentException("expected at least one day of the week, found none");
    }
    days = Set.copyOf(days);
    zone = named(zone);
    if (at.getSecond() != 0 || at.getNano() != 0) {
      throw new IllegalArgumentException("expected a time in whole minutes, found " + at);
    }
  }

  /** Schedulers know zones by name alone. */
  private static ZoneId named(ZoneId zone) {
    if (!(zone.normalized() instanceof ZoneOffset offset)
        || zone.getId().matches("[A-Za-z/_]{3,}.*")) {
      return zone;
    }
    int seconds = offset.getTotalSeconds();
    if (seconds % SECONDS_AN_HOUR != 0) {
      throw new IllegalArgumentException(
          "expected a time zone with a name such as Asia/Kolkata, found " + zone);
    }
    int hours = seconds / SECONDS_AN_HOUR;
    return ZoneId.of(
        hours == 0
            ? "UTC"
            : "Etc/GMT" + (hours > 0 ? "-" : "+") + Math.abs(hours)); // POSIX counts west
  }

  /**
   * Reads a time as people write it.
   *
   * @param zone the zone where the text names none
   * @throws IllegalArgumentException saying what was expected
   */
  public static NightTime parse(String text, ZoneId zone) {
    String[] words = text.strip().split("\\s+", -1);
    int next = 0;
    Set<DayOfWeek> days = EnumSet.allOf(DayOfWeek.class);
    if (words.length > 1 && !words[0].contains(":")) {
      days = days(words[next++], text);
    }
    LocalTime at = clock(next < words.length ? words[next++] : "", text);
    ZoneId in = next < words.length ? zone(words[next++], text) : zone;
    if (next < words.length) {
      throw expected(text);
    }
    return new NightTime(days, at, in);
  }

  private static LocalTime clock(String word, String text) {
    try {
      return LocalTime.parse(word, CLOCK);
    } catch (DateTimeParseException e) {
      throw expected(text);
    }
  }

  private static ZoneId zone(String word, String text) {
    try {
      return ZoneId.of(word);
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "expected a time zone such as Europe/Berlin or UTC, found '"
              + word
              + "' in '"
              + text
              + "'",
          e);
    }
  }

  private static Set<DayOfWeek> days(String word, String text) {
    Set<DayOfWeek> days = EnumSet.noneOf(DayOfWeek.class);
    if (word.equalsIgnoreCase("daily")) {
      return EnumSet.allOf(DayOfWeek.class);
    }
    for (String part : word.split(",", -1)) {
      String[] ends = part.split("-", -1);
      DayOfWeek first = day(ends[0], text);
      DayOfWeek last = ends.length == 2 ? day(ends[1], text) : first;
      if (ends.length > 2) {
        throw expected(text);
      }
      for (DayOfWeek day = first; ; day = day.plus(1)) {
        days.add(day);
        if (day == last) {
          break;
        }
      }
    }
    return days;
  }

  private static DayOfWeek day(String word, String text) {
    for (DayOfWeek day : DayOfWeek.values()) {
      String name = day.name().toLowerCase(Locale.ROOT);
      String given = word.toLowerCase(Locale.ROOT);
      if (given.length() >= 3 && name.startsWith(given)) {
        return day;
      }
    }
    throw expected(text);
  }

  private static IllegalArgumentException expected(String text) {
    return new IllegalArgumentException(
        "expected a time such as '02:00', 'mon-fri 02:00' or 'sat,sun 23:30 Europe/Berlin', found '"
            + text
            + "'");
  }

  /** When the night of a date begins. */
  public ZonedDateTime begins(LocalDate date) {
    // of(): a skipped time moves later by the gap, a repeated one takes its first occurrence
    return ZonedDateTime.of(date, at, zone);
  }

  /** The date of the night that is due at an instant: the last one that has begun. */
  public LocalDate latest(Instant now) {
    LocalDate date = now.atZone(zone).toLocalDate();
    for (int back = 0; back <= DAYS_A_WEEK; back++) {
      LocalDate candidate = date.minusDays(back);
      if (isOn(candidate) && !begins(candidate).toInstant().isAfter(now)) {
        return candidate;
      }
    }
    throw new IllegalStateException("no night in a week before " + now + ": " + this);
  }

  /** The date of the first night after the latest one. */
  public LocalDate next(Instant now) {
    LocalDate date = latest(now).plusDays(1);
    while (!isOn(date)) {
      date = date.plusDays(1);
    }
    return date;
  }

  /** The dates of all nights that began after {@code since} and not after {@code now}, in order. */
  public List<LocalDate> between(Instant since, Instant now) {
    List<LocalDate> dates = new ArrayList<>();
    LocalDate last = now.atZone(zone).toLocalDate();
    for (LocalDate date = since.atZone(zone).toLocalDate();
        !date.isAfter(last);
        date = date.plusDays(1)) {
      Instant begins = begins(date).toInstant();
      if (isOn(date) && !begins.isBefore(since) && !begins.isAfter(now)) {
        dates.add(date);
      }
    }
    return dates;
  }

  private boolean isOn(LocalDate date) {
    return days.contains(date.getDayOfWeek());
  }

  /** Whether every day has a night. */
  public boolean isDaily() {
    return days.size() == DAYS_A_WEEK;
  }

  /** The days' three letters in capitals-first form, Monday first, such as {@code Mon,Tue}. */
  public String dayNames() {
    return days.stream()
        .sorted()
        .map(day -> day.name().charAt(0) + day.name().substring(1, 3).toLowerCase(Locale.ROOT))
        .collect(Collectors.joining(","));
  }

  /** The time of day, {@code HH:MM}. */
  public String clock() {
    return at.format(CLOCK_OUT);
  }

  /** What {@link #parse} reads. */
  @Override
  public String toString() {
    String when = clock() + " " + zone.getId();
    return isDaily() ? when : dayNames().toLowerCase(Locale.ROOT) + " " + when;
  }
}
