package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class KvBlocksTest {
  private static final int[] IDS = new int[192];

  static {
    Arrays.setAll(IDS, i -> i / 64 + 1);
  }

  private final KvBlocks blocks = new KvBlocks(4);

  private int publish(int parent, int block, int index) {
    return blocks.publish(block, parent, 1000 + index, IDS, index * 64);
  }

  private int find(int parent, int index) {
    return blocks.find(parent, 1000 + index, IDS, index * 64);
  }

  @Test
  void blocksRunOutAndComeBack() {
    int[] table = new int[4];
    for (int i = 0; i < 4; i++) {
      table[i] = blocks.take();
    }
    assertEquals(4, Arrays.stream(table).distinct().count());
    assertEquals(KvBlocks.NONE, blocks.take());
    blocks.giveBack(table, 4);
    assertEquals(4, blocks.available());
    blocks.check(new int[4]);
  }

  @Test
  void publishedBlockIsFoundAfterItsHolderLeftUntilItIsNeeded() {
    int block = blocks.take();
    publish(KvBlocks.NONE, block, 0);
    blocks.giveBack(new int[] {block}, 1);
    assertEquals(block, find(KvBlocks.NONE, 0));
    assertEquals(4, blocks.available());

    for (int i = 0; i < 3; i++) {
      assertNotEquals(block, blocks.take(), "free blocks go first");
    }
    assertEquals(block, blocks.take());
    assertEquals(KvBlocks.NONE, find(KvBlocks.NONE, 0));
  }

  @Test
  void leastRecentlyHeldPrefixGoesFirstAndChildrenBeforeParents() {
    int parent = blocks.take();
    int child = blocks.take();
    publish(KvBlocks.NONE, parent, 0);
    publish(parent, child, 1);
    int other = blocks.take();
    publish(KvBlocks.NONE, other, 2);
    blocks.giveBack(new int[] {parent, child}, 2);
    blocks.giveBack(new int[] {other}, 1);
    blocks.hold(parent);
    blocks.giveBack(new int[] {parent}, 1);
    blocks.check(new int[4]);
    blocks.take();

    assertEquals(child, blocks.take());
    assertEquals(other, blocks.take());
    assertEquals(parent, blocks.take());
  }

  @Test
  void equalBlockIsHeldInPlaceOfTheNewOne() {
    int first = blocks.take();
    int second = blocks.take();
    assertEquals(first, publish(KvBlocks.NONE, first, 0));
    assertEquals(first, publish(KvBlocks.NONE, second, 0));
    int[] holders = new int[4];
    holders[first] = 2;
    blocks.check(holders);
    assertEquals(3, blocks.available());
  }

  @Test
  void hashCollisionsAreToldApartByTokensAndParent() {
    int a = blocks.take();
    int b = blocks.take();
    blocks.publish(a, KvBlocks.NONE, 5, IDS, 0);
    assertEquals(KvBlocks.NONE, blocks.find(KvBlocks.NONE, 5, IDS, 64));
    assertEquals(b, blocks.publish(b, KvBlocks.NONE, 5, IDS, 64));
    assertEquals(a, blocks.find(KvBlocks.NONE, 5, IDS, 0));
    assertEquals(b, blocks.find(KvBlocks.NONE, 5, IDS, 64));
    assertEquals(KvBlocks.NONE, blocks.find(a, 5, IDS, 0), "other parent");
  }

  @Test
  void blockGivenBackTwiceIsAnError() {
    int block = blocks.take();
    blocks.giveBack(new int[] {block}, 1);
    assertThrows(IllegalStateException.class, () -> blocks.giveBack(new int[] {block}, 1));
  }
}
