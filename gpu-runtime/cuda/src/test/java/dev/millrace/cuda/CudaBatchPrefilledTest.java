package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a step's kernels find in its memory; needs no GPU. */
final class CudaBatchPrefilledTest {
  private static final StepLimits LIMITS =
      new StepLimits(256, 8, 512, 8, 512, new HeadLayout(2, 7, 64));

  private final StepLayout layout = StepLayout.of(LIMITS);
  private final ByteBuffer memory =
      ByteBuffer.allocate(layout.bytes()).order(ByteOrder.nativeOrder());

  /** Three sequences: one token after 70, twenty after none, one after none. */
  private static StepPlan plan() {
    int[] positions = new int[22];
    positions[0] = 70;
    for (int i = 0; i < 20; i++) {
      positions[1 + i] = i;
    }
    return new StepPlan(
        new int[22],
        positions,
        new int[] {0, 1, 21, 22},
        new int[] {71, 20, 1},
        new int[][] {{4, 2}, {1}, {0}},
        List.of());
  }

  private CudaBatch take(boolean allPrefilled) {
    CudaBatch batch = new CudaBatch(layout, false, allPrefilled, 2, 132);
    batch.take(plan(), memory);
    return batch;
  }

  private int tile(int index, int field) {
    return memory.getInt(layout.tiles() + StepLayout.TILE_BYTES * index + 4 * field);
  }

  @Test
  void singleTokensAreDecodedAndOthersPrefilled() {
    CudaBatch batch = take(false);

    assertEquals(2, batch.decodes());
    assertEquals(2, batch.items());
    assertEquals(2, batch.tiles()); // 20 tokens of 7 heads in tiles of 128 rows
    assertFalse(batch.isDecodeOnly());
  }

  @Test
  void allAreTilesOfPrefillWhereBitsMustNotDependOnTheBatch() {
    CudaBatch batch = take(true);

    assertEquals(0, batch.decodes());
    assertEquals(0, batch.items());
    assertEquals(4, batch.tiles());
    // the first sequence's one token: row 0 of the step, position 70, from page 0 on, 7 rows
    assertEquals(List.of(0, 70, 0, 0, 7), fields(0));
    // the second's last tile first, then the third's token after three pages
    assertEquals(List.of(1, 0, 2, 128, 140), fields(1));
    assertEquals(List.of(1, 0, 2, 0, 140), fields(2));
    assertEquals(List.of(21, 0, 3, 0, 7), fields(3));
  }

  private List<Integer> fields(int index) {
    return List.of(tile(index, 0), tile(index, 1), tile(index, 2), tile(index, 3), tile(index, 4));
  }

  @Test
  void stepOfSingleTokensAloneIsNoRecordingWhereAllArePrefilled() {
    StepPlan decode =
        new StepPlan(
            new int[2],
            new int[] {3, 9},
            new int[] {0, 1, 2},
            new int[] {4, 10},
            new int[][] {{0}, {1}},
            List.of());
    CudaBatch batch = new CudaBatch(layout, true, false, 2, 132);
    batch.take(decode, memory);
    assertTrue(batch.isDecodeOnly());

    CudaBatch prefilled = new CudaBatch(layout, false, true, 2, 132);
    prefilled.take(decode, memory);
    assertFalse(prefilled.isDecodeOnly());
    assertEquals(2, prefilled.tiles());
  }
}
