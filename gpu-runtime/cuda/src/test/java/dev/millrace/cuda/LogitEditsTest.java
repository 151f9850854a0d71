package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class LogitEditsTest {
  private static final int VOCABULARY = 300;
  private static final float NEVER = Float.NEGATIVE_INFINITY;

  private record Edit(int token, float bias, float repetition, float penalty) {}

  /** Settings of a draw that edit nothing, to be changed one by one. */
  private static final class Settings {
    private double repetition = 1;
    private double presence;
    private double frequency;
    private Map<Integer, Double> bias = Map.of();
    private int[][] badWords = {};
    private int[] endTokens = {};
    private int[] prompt = {};
    private int[] output = {};
    private boolean banEnd;

    LogitTask.Draw task() {
      DrawState draw =
          new DrawState(
              1, 0, 1, 0, repetition, presence, frequency, bias, badWords, endTokens, 1, prompt);
      for (int token : output) {
        draw.append(token);
      }
      return new LogitTask.Draw(0, 0, draw, output.length, banEnd);
    }
  }

  private static List<Edit> editsOf(LogitEdits edits, LogitTask.Draw task) {
    edits.collect(task);
    int at = 32;
    ByteBuffer memory =
        ByteBuffer.allocate(at + TaskLayout.EDIT_BYTES * edits.count())
            .order(ByteOrder.nativeOrder());
    edits.write(task.draw(), memory, at);
    List<Edit> found = new ArrayList<>();
    for (int i = 0; i < edits.count(); i++) {
      int start = at + TaskLayout.EDIT_BYTES * i;
      found.add(
          new Edit(
              memory.getInt(start),
              memory.getFloat(start + 4),
              memory.getFloat(start + 8),
              memory.getFloat(start + 12)));
    }
    return found;
  }

  private static List<Edit> editsOf(Settings settings) {
    return editsOf(new LogitEdits(VOCABULARY), settings.task());
  }

  @Test
  void plainDrawNeedsNoEditsAndEachSettingDoes() {
    assertFalse(LogitEdits.isNeeded(new Settings().task()));
    Settings ends = new Settings();
    ends.endTokens = new int[] {2};
    assertFalse(LogitEdits.isNeeded(ends.task()));
    ends.banEnd = true;
    assertTrue(LogitEdits.isNeeded(ends.task()));
    Settings bias = new Settings();
    bias.bias = Map.of(1, 0.5);
    assertTrue(LogitEdits.isNeeded(bias.task()));
    Settings words = new Settings();
    words.badWords = new int[][] {{1}};
    assertTrue(LogitEdits.isNeeded(words.task()));
    for (int which = 0; which < 3; which++) {
      Settings penalty = new Settings();
      penalty.repetition = which == 0 ? 1.1 : 1;
      penalty.presence = which == 1 ? 0.1 : 0;
      penalty.frequency = which == 2 ? -0.1 : 0;
      assertTrue(LogitEdits.isNeeded(penalty.task()), "penalty " + which);
    }
  }

  @Test
  void editsOfATokenAreOneAndAscendByToken() {
    Settings settings = new Settings();
    settings.bias = Map.of(299, -2.0, 0, 1.5, 7, 0.25);
    settings.repetition = 1.25;
    settings.presence = 0.5;
    settings.frequency = 0.125;
    settings.prompt = new int[] {9, 7, 9};
    settings.output = new int[] {7, 3, 7};

    assertEquals(
        List.of(
            new Edit(0, 1.5f, 1, 0),
            new Edit(3, 0, 1.25f, 0.625f),
            new Edit(7, 0.25f, 1.25f, 0.75f),
            new Edit(9, 0, 1.25f, 0),
            new Edit(299, -2, 1, 0)),
        editsOf(settings));
  }

  @Test
  void penaltiesOfPresenceAndFrequencyLeaveThePromptAlone() {
    Settings settings = new Settings();
    settings.presence = 1;
    settings.prompt = new int[] {5};
    settings.output = new int[] {6};

    assertEquals(List.of(new Edit(6, 0, 1, 1)), editsOf(settings));
  }

  @Test
  void badWordIsBannedOnlyWhereTheOutputEndsBeforeItsLastToken() {
    Settings settings = new Settings();
    settings.badWords = new int[][] {{4}, {1, 2, 3}, {2, 9}, {8, 1, 2, 5}, {}};
    settings.output = new int[] {1, 2};

    assertEquals(
        List.of(new Edit(3, NEVER, 1, 0), new Edit(4, NEVER, 1, 0), new Edit(9, NEVER, 1, 0)),
        editsOf(settings));
  }

  @Test
  void endTokensAreBannedWhileTheyMayNotBeDrawnWhateverTheirBias() {
    Settings settings = new Settings();
    settings.endTokens = new int[] {2, 290};
    settings.banEnd = true;
    settings.bias = Map.of(2, 100.0);

    assertEquals(List.of(new Edit(2, NEVER, 1, 0), new Edit(290, NEVER, 1, 0)), editsOf(settings));
  }

  @Test
  void infiniteBiasStaysANumberSoThatDifferencesAreNumbersToo() {
    Settings settings = new Settings();
    settings.bias = Map.of(1, Double.POSITIVE_INFINITY, 2, Double.NEGATIVE_INFINITY);

    assertEquals(List.of(new Edit(1, 1e30f, 1, 0), new Edit(2, NEVER, 1, 0)), editsOf(settings));
  }

  @Test
  void drawsDoNotSeeTheEditsOfThoseBefore() {
    LogitEdits edits = new LogitEdits(VOCABULARY);
    Settings many = new Settings();
    many.repetition = 2;
    many.output = java.util.stream.IntStream.range(0, VOCABULARY).toArray();
    Settings one = new Settings();
    one.bias = Map.of(150, 1.0);

    List<Edit> all = editsOf(edits, many.task());
    assertEquals(VOCABULARY, all.size());
    for (int token = 0; token < VOCABULARY; token++) {
      assertEquals(new Edit(token, 0, 2, 0), all.get(token));
    }
    assertEquals(List.of(new Edit(150, 1, 1, 0)), editsOf(edits, one.task()));
    assertEquals(List.of(), editsOf(edits, new Settings().task()));
  }
}
