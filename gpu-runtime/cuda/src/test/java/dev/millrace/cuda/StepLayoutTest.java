package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class StepLayoutTest {

  static StepLimits limits(int tokens, int sequences, int context, HeadLayout heads) {
    return new StepLimits(tokens, sequences, context, Math.min(tokens, 64), 64, heads);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, 1, 1, 8",
    "13, 3, 63, 2, 3, 64",
    "127, 13, 64, 1, 7, 64",
    "128, 128, 65, 4, 8, 128",
    "129, 1, 4098, 2, 9, 128",
    "8192, 1024, 32768, 4, 7, 128"
  })
  void partsFollowEachOtherAlignedAndEachIsAsLongAsItsContent(
      int tokens, int sequences, int context, int kvHeads, int group, int headSize) {
    StepLayout layout =
        StepLayout.of(limits(tokens, sequences, context, new HeadLayout(kvHeads, group, headSize)));
    List<Integer> starts =
        List.of(
            layout.header(),
            layout.tokenIds(),
            layout.positions(),
            layout.slots(),
            layout.logitRows(),
            layout.items(),
            layout.tiles(),
            layout.prefixMembers(),
            layout.pages(),
            layout.bytes());
    List<Long> contents =
        List.of(
            4L,
            4L * tokens,
            4L * tokens,
            4L * tokens,
            4L * tokens,
            32L * layout.itemsMax(),
            32L * layout.tilesMax(),
            8L * sequences,
            4L * layout.pagesMax());

    for (int i = 0; i < contents.size(); i++) {
      int length = starts.get(i + 1) - starts.get(i);
      assertEquals(0, starts.get(i) % 256, "part " + i);
      assertTrue(length >= contents.get(i), "part " + i + " of " + layout);
      assertTrue(length < contents.get(i) + 256, "part " + i + " of " + layout);
    }
  }

  @Test
  void everySequenceHasRoomForAllPagesOfItsContext() {
    HeadLayout heads = new HeadLayout(2, 3, 64);

    assertEquals(7, StepLayout.of(limits(16, 7, 64, heads)).pagesMax());
    assertEquals(14, StepLayout.of(limits(16, 7, 65, heads)).pagesMax());
  }

  @Test
  void tilesSufficeForEveryWayToCutTheTokensIntoSequences() {
    // Each sequence begins a tile of its own: at worst all but one of them hold one row of a tile.
    HeadLayout heads = new HeadLayout(1, 3, 64);
    int tokens = 100;
    int sequences = 50;
    int worst = 0;
    for (int used = 1; used <= sequences; used++) {
      int longest = tokens - 2 * (used - 1);
      int tiles = used - 1 + (int) StepLayout.divideUp(3L * longest, StepLayout.TILE_ROWS);
      worst = longest > 0 ? Math.max(worst, tiles) : worst;
    }

    assertTrue(StepLayout.of(limits(tokens, sequences, 128, heads)).tilesMax() >= worst);
  }

  @Test
  void partialResultsAreBoundedHoweverLongTheContext() {
    HeadLayout heads = new HeadLayout(1, 1, 64);

    assertEquals(2, StepLayout.of(limits(1, 1, 1, heads)).slotsMax());
    assertEquals(8, StepLayout.of(limits(1, 1, 4096, heads)).slotsMax());
    assertEquals(8192, StepLayout.of(limits(1024, 1024, 1 << 17, heads)).slotsMax());
    assertEquals(2 * 5000, StepLayout.of(limits(5000, 5000, 1024, heads)).slotsMax());
  }

  @Test
  void partialBytesCountHeadsInTilesOfEightAndTwoSizesOfHeads() {
    int slots = StepLayout.of(limits(1, 1, 1, new HeadLayout(1, 1, 64))).slotsMax();

    assertEquals(
        slots * 8L * (64 + 4) * 4,
        StepLayout.of(limits(1, 1, 1, new HeadLayout(1, 1, 8))).partialBytes());
    assertEquals(
        slots * 3L * 16 * (128 + 4) * 4,
        StepLayout.of(limits(1, 1, 1, new HeadLayout(3, 9, 72))).partialBytes());
  }

  @Test
  void moreThanAnArrayHoldsIsRefusedAndNotWrappedAround() {
    HeadLayout heads = new HeadLayout(1, 1, 64);

    assertThrows(
        ArithmeticException.class, () -> StepLayout.of(limits(1, 1 << 20, 1 << 18, heads)).bytes());
  }
}
