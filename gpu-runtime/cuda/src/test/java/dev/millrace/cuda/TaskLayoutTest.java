package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TaskLayoutTest {
  private static final HeadLayout HEADS = new HeadLayout(1, 1, 64);

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 5, 64, 65, 1023, 1024, 8192})
  void partsFollowEachOtherAlignedWithoutOverlap(int tasks) {
    TaskLayout layout = new TaskLayout(tasks, 100, 7);
    List<Integer> starts =
        List.of(
            layout.tasks(),
            layout.edits(),
            layout.tokens(),
            layout.logprobs(),
            layout.topTokens(),
            layout.topLogprobs(),
            layout.bytes());
    List<Integer> contents = List.of(64 * tasks, 16 * 100, 4 * tasks, 4 * tasks, 4 * 7, 4 * 7);

    for (int i = 0; i < contents.size(); i++) {
      int length = starts.get(i + 1) - starts.get(i);
      assertEquals(0, starts.get(i) % 256, "part " + i);
      assertTrue(length >= contents.get(i) && length < contents.get(i) + 256, "part " + i);
    }
  }

  @Test
  void answersBeginWhereTheDeviceStopsReading() {
    TaskLayout layout = new TaskLayout(3, 2, 1);

    assertEquals(layout.tokens(), layout.answers());
    assertTrue(layout.answers() >= layout.edits() + 2 * TaskLayout.EDIT_BYTES);
  }

  @Test
  void launchHasATaskForEveryRowOfLogitsAndForEverySequence() {
    assertEquals(1024, TaskLayout.of(new StepLimits(8192, 1024, 64, 256, 64, HEADS)).tasksMax());
    assertEquals(4096, TaskLayout.of(new StepLimits(8192, 16, 64, 4096, 64, HEADS)).tasksMax());
  }

  /** A draw with every token of a large vocabulary edited, or reported, still fits one launch. */
  @Test
  void oneTaskOfTheLargestVocabularyFits() {
    TaskLayout layout = TaskLayout.of(new StepLimits(1, 1, 1, 1, 1, HEADS));
    int vocabulary = 262_144;

    assertTrue(layout.editsMax() >= vocabulary, layout::toString);
    assertTrue(layout.topsMax() >= 1 << 17, layout::toString);
  }
}
