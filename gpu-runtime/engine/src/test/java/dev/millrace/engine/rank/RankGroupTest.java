package dev.millrace.engine.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

final class RankGroupTest {
  private static final Duration DEADLINE = Duration.ofSeconds(30);

  @Test
  void everyRankRunsEachWorkOnItsOwnThread() throws TimeoutException {
    Thread[][] seen = new Thread[50][4];
    try (RankGroup group = new RankGroup("test", 4)) {
      for (Thread[] ranks : seen) {
        group.run(rank -> ranks[rank] = Thread.currentThread(), DEADLINE);
      }
    }
    assertEquals("test-rank-3", seen[0][3].getName());
    for (Thread[] ranks : seen) {
      assertArrayEquals(seen[0], ranks);
    }
  }

  @Test
  void errorOfTheFailingRankReachesTheCaller() throws TimeoutException {
    try (RankGroup group = new RankGroup("test", 3)) {
      OutOfMemoryError error = new OutOfMemoryError("rank 1 has no memory left");
      RankFailedException seen =
          assertThrows(
              RankFailedException.class,
              () ->
                  group.run(
                      rank -> {
                        if (rank == 1) {
                          throw error;
                        }
                      },
                      DEADLINE));
      assertEquals(1, seen.rank());
      assertSame(error, seen.getCause());

      group.run(rank -> {}, DEADLINE); // the threads are still there, to clean up with
    }
  }

  @Test
  void errorThatPoisonedTheOthersIsTheOneReported() {
    IllegalStateException error = new IllegalStateException("first");
    try (RankGroup group = new RankGroup("test", 2)) {
      RankFailedException seen =
          assertThrows(
              RankFailedException.class,
              () ->
                  group.run(
                      rank -> {
                        throw new RankFailedException(1, error);
                      },
                      DEADLINE));
      assertEquals(1, seen.rank());
      assertSame(error, seen.getCause());
    }
  }

  @Test
  void workPastItsDeadlineIsInterruptedAndNamed() throws TimeoutException {
    try (RankGroup group = new RankGroup("test", 2)) {
      CountDownLatch never = new CountDownLatch(1);
      TimeoutException late =
          assertThrows(
              TimeoutException.class,
              () ->
                  group.run(
                      rank -> {
                        if (rank == 1) {
                          never.await();
                        }
                      },
                      Duration.ofMillis(100)));
      assertTrue(late.getMessage().contains("rank 1 at"), late.getMessage());
      assertTrue(!late.getMessage().contains("rank 0"), late.getMessage());
    }
  }

  @Test
  void closedGroupTakesNoWork() {
    RankGroup group = new RankGroup("test", 2);
    group.close();
    group.close();
    assertThrows(IllegalStateException.class, () -> group.run(rank -> {}, DEADLINE));
  }

  @Test
  void idleRanksUseNoProcessor() throws Exception {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    try (RankGroup group = new RankGroup("test", 4)) {
      long[] ids = new long[4];
      group.run(rank -> ids[rank] = Thread.currentThread().getId(), DEADLINE);
      long before = processorNanos(threads, ids);
      long start = System.nanoTime();

      new CountDownLatch(1).await(500, TimeUnit.MILLISECONDS);

      long used = processorNanos(threads, ids) - before;
      long passed = System.nanoTime() - start;
      assertTrue(used < passed / 100, "idle ranks used %d of %d ns".formatted(used, passed));
    }
  }

  @SuppressWarnings("deprecation") // Thread.getId: threadId is newer than Java 17
  private static long processorNanos(ThreadMXBean threads, long[] ids) {
    long sum = 0;
    for (long id : ids) {
      sum += threads.getThreadCpuTime(id);
    }
    return sum;
  }
}
