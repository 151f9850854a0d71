package dev.millrace.jobs.evaluate.night;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NightListTest {
  @TempDir private Path folder;
  private NightFixture fixture;

  @BeforeEach
  void makeAFolder() throws IOException {
    fixture = new NightFixture(folder);
    fixture.nextNight();
  }

  private List<String> lines() throws IOException {
    return NightList.read(fixture.root, fixture.clock).text(30).lines().toList();
  }

  @Test
  void aNightThatNobodyStartedIsVisible() throws IOException {
    fixture.run("PASS");
    fixture.nextNight();
    fixture.nextNight();
    fixture.run("FAIL");
    fixture.clock.now = fixture.clock.now.plus(Duration.ofHours(5));

    List<String> lines = lines();

    assertTrue(lines.get(1).startsWith("2026-11-27     FAIL "), lines.toString());
    assertTrue(lines.get(2).startsWith("2026-11-26     missed "), lines.toString());
    assertTrue(lines.get(2).contains("never began"), lines.toString());
    assertTrue(lines.get(3).startsWith("2026-11-25     PASS "), lines.toString());
    assertEquals("The next night is due at 2026-11-28T02:00Z[UTC].", lines.get(4));
  }

  @Test
  void aRunByHandDoesNotHideAMissedNight() throws IOException {
    fixture.run("PASS");
    fixture.nextNight();
    fixture.due = Optional.empty();
    fixture.run("PASS");

    String text = String.join("\n", lines());

    assertTrue(text.contains("missed"), text);
  }

  @Test
  void aNightThatWasKilledIsShownAsCutOffAndOneThatRunsAsRunning() throws IOException {
    assertThrows(
        StackOverflowError.class,
        () ->
            fixture.run(
                night -> {
                  assertTrue(String.join("\n", lines()).contains("running"));
                  throw new StackOverflowError("ends the attempt without a word");
                }));

    assertTrue(lines().get(1).startsWith("2026-11-25     cut off "), lines().toString());
  }

  @Test
  void whatASummarySaysActsOnNoTerminal() throws IOException {
    assertThrows(
        CommandException.class,
        () ->
            fixture.run(
                night -> {
                  throw CommandException.usage("key '\u001b]0;x\u0007\u202e'\nsecond line", "");
                }));

    String text = NightList.read(fixture.root, fixture.clock).text(30);

    assertTrue(text.contains("⟨U+001B⟩") && text.contains("⟨U+202E⟩"), text);
    assertTrue(text.chars().noneMatch(c -> c == 0x1b || c == 7 || c == 0x202e), text);
  }

  @Test
  void jsonSaysTheSame() throws IOException {
    fixture.run("WARN");
    fixture.nextNight();
    fixture.nextNight();

    JsonNode json =
        new ObjectMapper().readTree(NightList.read(fixture.root, fixture.clock).json(10));

    assertEquals("missed", json.at("/nights/0/state").asText());
    assertEquals("2026-11-25", json.at("/nights/2/night").asText());
    assertEquals("WARN", json.at("/nights/2/verdict").asText());
    assertEquals(0.5, json.at("/nights/2/tasks/0/score").asDouble());
  }

  @Test
  void aScheduleThatBeginsLaterAsksForNothingBefore() throws IOException {
    Expectation.keep(
        fixture.root,
        NightTime.parse("02:00 UTC", ZoneOffset.UTC),
        fixture.clock.now.plus(Duration.ofHours(8)));
    fixture.clock.now = fixture.clock.now.plus(Duration.ofHours(9));

    assertEquals(ExitCode.DONE, fixture.run("PASS"));
    assertEquals(0, fixture.nights.size(), "the night before the schedule began is not due");
    fixture.nextNight();
    fixture.run("PASS");
    assertEquals(1, fixture.nights.size());
  }
}
