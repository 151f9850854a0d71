package dev.millrace.api.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The tile's formulas against its description, thread by thread. */
class Int4TileTest {

  @Test
  void everyNibbleIsWhereItsThreadLooks() {
    Set<Integer> places = new HashSet<>();
    for (int t = 0; t < 128; t++) {
      int r = 16 * (t / 32) + t % 32 / 4;
      int c = t % 4;
      for (int s = 0; s < 8; s++) {
        int[][] nibbles = {
          {r, 2 * c}, {r + 8, 2 * c}, {r, 2 * c + 8}, {r + 8, 2 * c + 8},
          {r, 2 * c + 1}, {r + 8, 2 * c + 1}, {r, 2 * c + 9}, {r + 8, 2 * c + 9},
        };
        for (int i = 0; i < 8; i++) {
          int output = nibbles[i][0];
          int input = 16 * s + nibbles[i][1];
          assertEquals(s / 4 * 2048 + 16 * t + s % 4 * 4, Int4Tile.wordOffset(output, input));
          assertEquals(4 * i, Int4Tile.shift(output, input));
          places.add(output * 128 + input);
        }
      }
    }
    assertEquals(64 * 128, places.size());
  }

  @Test
  void zerosAreExactInTheirHalf() {
    for (int zero = 0; zero < 16; zero++) {
      assertEquals(zero, Int4Tile.zero((Int4Tile.zeroBits(zero) << 16) | 0xabcd));
    }
  }
}
