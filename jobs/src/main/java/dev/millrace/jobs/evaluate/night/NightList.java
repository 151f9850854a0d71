package dev.millrace.jobs.evaluate.night;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.evaluate.night.NightEntry.Notice;
import dev.millrace.jobs.evaluate.night.NightEntry.State;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The nights of an evaluation, newest first: those that ran, and those that were due and never
 * began.
 */
public final class NightList {
  private static final int SUMMARY_CHARS_MAX = 300;

  private final List<Line> lines;
  private final Optional<String> next;

  private NightList(List<Line> lines, Optional<String> next) {
    this.lines = lines;
    this.next = next;
  }

  /**
   * One night.
   *
   * @param id its name, or the date of one that never began
   * @param state a verdict, or {@code running}, {@code cut off}, {@code missed}
   * @param entry what is known of it; empty if it never began
   */
  private record Line(NightId id, String state, Optional<NightEntry> entry) {}

  /** Reads the nights of a folder. */
  public static NightList read(Path root, Clock clock) throws IOException {
    NightStore store = new NightStore(root);
    List<NightEntry> nights = store.nights();
    boolean runs = NightLock.isHeld(root);
    List<Line> lines = new ArrayList<>();
    for (NightEntry night : nights) {
      lines.add(new Line(night.id(), state(night, runs), Optional.of(night)));
    }
    Optional<Expectation> schedule = Expectation.read(root);
    Instant now = clock.instant();
    if (schedule.isPresent()) {
      missed(schedule.get(), nights, now, runs).forEach(lines::add);
    }
    lines.sort(Comparator.comparing(Line::id).reversed());
    return new NightList(lines, schedule.map(s -> s.time().begins(s.time().next(now)).toString()));
  }

  private static String state(NightEntry night, boolean runs) {
    if (night.state() == State.ENDED) {
      return night.verdict().orElseThrow().verdict();
    }
    return runs && night.state() == State.RUNNING ? "running" : "cut off";
  }

  private static List<Line> missed(
      Expectation schedule, List<NightEntry> nights, Instant now, boolean runs) {
    List<Line> missed = new ArrayList<>();
    LocalDate latest = schedule.time().latest(now);
    for (LocalDate date : schedule.time().between(schedule.since(), now)) {
      boolean began =
          nights.stream()
              .anyMatch(night -> night.id().date().equals(date) && night.due().isPresent());
      if (!began) {
        String state = runs && date.equals(latest) ? "waiting" : "missed";
        missed.add(new Line(new NightId(date, 1), state, Optional.empty()));
      }
    }
    return missed;
  }

  /** A table for people, of the latest nights. */
  public String text(int limit) {
    if (lines.isEmpty()) {
      return "No nights yet."
          + next.map(at -> " The first is due at " + at + ".").orElse("")
          + "\n";
    }
    StringBuilder out = new StringBuilder();
    out.append(
        String.format(
            "%-14s %-11s %-17s %-12s %-6s %s%n",
            "NIGHT", "VERDICT", "BEGAN (UTC)", "TOOK", "STARTS", "SUMMARY"));
    for (Line line : lines.subList(0, Math.min(limit, lines.size()))) {
      out.append(
          String.format(
              "%-14s %-11s %-17s %-12s %-6s %s%n",
              line.id(),
              InertText.line(line.state()),
              line.entry().flatMap(NightEntry::started).map(NightList::minute).orElse("-"),
              line.entry().map(NightList::took).orElse("-"),
              line.entry().map(night -> Integer.toString(night.attempts().size())).orElse("0"),
              summary(line)));
    }
    if (lines.size() > limit) {
      out.append(String.format("%d older nights are not shown (--limit).%n", lines.size() - limit));
    }
    next.ifPresent(at -> out.append(String.format("The next night is due at %s.%n", at)));
    return out.toString();
  }

  private static String minute(Instant instant) {
    return instant.toString().substring(0, 16).replace('T', ' ');
  }

  private static String took(NightEntry night) {
    Optional<Instant> finished = night.finished();
    return finished.isEmpty()
        ? "-"
        : Amounts.text(
            Duration.between(night.started().orElseThrow(), finished.get()).toMillis() / 1e3);
  }

  private static String summary(Line line) {
    if (line.entry().isEmpty()) {
      return line.state().equals("missed") ? "It was due and never began." : "";
    }
    NightEntry night = line.entry().get();
    List<String> parts = new ArrayList<>();
    night.verdict().ifPresent(verdict -> parts.add(verdict.summary()));
    for (Notice notice : night.notices()) {
      if (!notice.delivered()) {
        parts.add("Not told: " + notice.to() + ".");
      }
    }
    parts.addAll(night.trouble());
    return InertText.line(String.join(" ", parts), SUMMARY_CHARS_MAX);
  }

  /** The same as JSON: what run.json says of each night, and those that were missed. */
  public String json(int limit) throws IOException {
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    ObjectNode root = mapper.createObjectNode();
    next.ifPresent(at -> root.put("next", at));
    ArrayNode nights = root.putArray("nights");
    for (Line line : lines.subList(0, Math.min(limit, lines.size()))) {
      ObjectNode node = line.entry().map(NightJson::json).orElseGet(mapper::createObjectNode);
      node.put("night", line.id().toString());
      node.put("state", line.entry().isEmpty() ? line.state() : state(line));
      nights.add(node);
    }
    return mapper.writeValueAsString(root) + "\n";
  }

  private static String state(Line line) {
    boolean ended = line.entry().orElseThrow().state() == State.ENDED;
    return ended ? "ended" : line.state().toLowerCase(Locale.ROOT);
  }
}
