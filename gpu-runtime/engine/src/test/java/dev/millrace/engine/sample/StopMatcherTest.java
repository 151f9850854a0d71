package dev.millrace.engine.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopMatcherTest {

  @Test
  void firstCompleteMatchWinsHoweverTheTextIsCut() {
    long seed = 12;
    Random random = new Random(seed);
    for (int round = 0; round < 3000; round++) {
      String text = letters(random, 30);
      List<String> stops =
          List.of(letters(random, 1 + random.nextInt(4)), letters(random, 1 + random.nextInt(4)));
      StopMatcher byLetter = new StopMatcher(stops);
      StopMatcher byPiece = new StopMatcher(stops);
      for (int i = 0; i < text.length() && byLetter.matched() == null; i++) {
        byLetter.append(text.substring(i, i + 1), true);
      }
      for (int i = 0; i < text.length() && byPiece.matched() == null; ) {
        int end = Math.min(text.length(), i + random.nextInt(5));
        byPiece.append(text.substring(i, end), true);
        i = end;
      }

      String what = "text " + text + ", stops " + stops + ", seed " + seed;
      assertEquals(byLetter.matched(), byPiece.matched(), what);
      if (byLetter.matched() != null) {
        assertEquals(byLetter.text(false), byPiece.text(false), what);
        assertEquals(byLetter.text(true), byPiece.text(true), what);
        assertTrue(text.startsWith(byPiece.text(false) + byPiece.matched()), what);
      } else {
        assertEquals(text, byPiece.text(false), what);
        assertFalse(stops.stream().anyMatch(text::contains), what);
      }
    }
  }

  @Test
  void matchMayBeginButNotEndBeforeItIsActive() {
    StopMatcher ended = new StopMatcher(List.of("ab"));
    assertFalse(ended.append("xab", false));
    assertFalse(ended.append("y", true));
    assertNull(ended.matched());

    StopMatcher begun = new StopMatcher(List.of("ab"));
    assertFalse(begun.append("xa", false));
    assertTrue(begun.append("b", true));
    assertEquals("x", begun.text(false));
  }

  private static String letters(Random random, int length) {
    return random
        .ints(length, 'a', 'd')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
