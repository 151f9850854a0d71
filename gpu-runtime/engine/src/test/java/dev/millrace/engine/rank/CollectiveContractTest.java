package dev.millrace.engine.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.Tensor;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every collective must do. A collective's test supplies a group and its tensors. */
public abstract class CollectiveContractTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);
  private static final int[] ROWS = {0, 1, 3, 17, 65};
  private static final int[] WIDTHS = {1, 7, 64, 172};

  protected abstract List<Collective> group(int ranks, Duration deadline);

  /** A tensor that the collective can exchange, holding these values. */
  protected abstract Tensor tensor(int rows, int width, float[] values);

  protected abstract float[] read(Tensor x);

  private static float[] values(int rank, int count) {
    Random random = new Random(Long.getLong("tests.seed", 5L) + rank);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static void run(int ranks, RankGroup.RankWork work) throws TimeoutException {
    try (RankGroup threads = new RankGroup("test", ranks)) {
      threads.run(work, DEADLINE);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 8})
  void sumIsTakenInTheOrderOfTheRanks(int ranks) throws TimeoutException {
    List<Collective> group = group(ranks, DEADLINE);
    run(
        ranks,
        rank -> {
          for (int rows : ROWS) {
            for (int width : WIDTHS) {
              int beyond = (rows + 1) * width;
              Tensor x = tensor(rows + 1, width, values(rank, beyond));

              group.get(rank).allReduce(x, rows);

              float[] expected = values(0, beyond);
              for (int other = 1; other < ranks; other++) {
                float[] addend = values(other, beyond);
                for (int i = 0; i < rows * width; i++) {
                  expected[i] += addend[i];
                }
              }
              System.arraycopy(values(rank, beyond), rows * width, expected, rows * width, width);
              assertArrayEquals(expected, read(x), "rank %d, %d x %d".formatted(rank, rows, width));
            }
          }
        });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 8})
  void partsAreGatheredSideBySide(int ranks) throws TimeoutException {
    List<Collective> group = group(ranks, DEADLINE);
    run(
        ranks,
        rank -> {
          for (int rows : ROWS) {
            for (int width : WIDTHS) {
              Tensor part = tensor(rows, width, values(rank, rows * width));
              Tensor whole = tensor(rows, width * ranks, new float[rows * width * ranks]);

              group.get(rank).allGather(part, whole, rows);

              float[] expected = new float[rows * width * ranks];
              for (int other = 0; other < ranks; other++) {
                float[] source = values(other, rows * width);
                for (int i = 0; i < source.length; i++) {
                  expected[(i / width * ranks + other) * width + i % width] = source[i];
                }
              }
              assertArrayEquals(expected, read(whole));
            }
          }
        });
  }

  @Test
  void noRankLeavesABarrierBeforeAllHaveCome() throws TimeoutException {
    int ranks = 4;
    List<Collective> group = group(ranks, DEADLINE);
    AtomicInteger come = new AtomicInteger();
    run(
        ranks,
        rank -> {
          for (int meeting = 1; meeting <= 200; meeting++) {
            come.incrementAndGet();
            group.get(rank).barrier();
            assertTrue(come.get() >= meeting * ranks, "left early");
            group.get(rank).barrier();
          }
        });
    assertEquals(200 * ranks, come.get());
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 4, 8})
  void firstErrorReachesEveryWaitingRank(int ranks) throws TimeoutException {
    List<Collective> group = group(ranks, DEADLINE);
    IllegalStateException error = new IllegalStateException("device fell off");
    run(
        ranks,
        rank -> {
          Collective collective = group.get(rank);
          if (rank == 1) {
            collective.poison(error);
            collective.poison(new IllegalStateException("a later error"));
          }
          RankFailedException seen = assertThrows(RankFailedException.class, collective::barrier);
          assertEquals(1, seen.rank());
          assertSame(error, seen.getCause());
          assertThrows(
              RankFailedException.class,
              () -> collective.allReduce(tensor(1, 1, new float[1]), 1),
              "a failed group stays failed");
        });
  }

  @Test
  void rankThatDoesNotComeIsNamedAfterTheDeadline() throws TimeoutException {
    List<Collective> group = group(3, Duration.ofMillis(200));
    run(
        3,
        rank -> {
          if (rank == 2) {
            return;
          }
          RankFailedException seen =
              assertThrows(RankFailedException.class, group.get(rank)::barrier);
          assertTrue(
              seen.getCause().getMessage().contains("for ranks [2]"), seen.getCause().getMessage());
        });
  }
}
