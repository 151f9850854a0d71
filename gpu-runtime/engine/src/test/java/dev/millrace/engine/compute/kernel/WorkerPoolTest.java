package dev.millrace.engine.compute.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class WorkerPoolTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void everyUnitIsDoneOnceInManyShortRounds(int workers) {
    try (WorkerPool pool = new WorkerPool("test", workers)) {
      for (int round = 0; round < 20_000 / workers; round++) {
        int units = round % 17;
        AtomicIntegerArray done = new AtomicIntegerArray(units + 1);
        pool.run((worker, unit) -> done.incrementAndGet(unit), units);
        for (int unit = 0; unit < units; unit++) {
          assertEquals(1, done.get(unit), "round " + round + ", unit " + unit);
        }
      }
    }
  }

  @Test
  void parkedWorkersAreWoken() {
    try (WorkerPool pool = new WorkerPool("test", 2)) {
      for (int round = 0; round < 20; round++) {
        LockSupport.parkNanos(2_000_000); // far beyond what idle workers spin for
        CountDownLatch both = new CountDownLatch(2);
        pool.run(
            (worker, unit) -> {
              both.countDown();
              // Ends only if the other worker takes the other unit.
              awaitUninterruptibly(both);
            },
            2);
      }
    }
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    while (latch.getCount() > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  void idleWorkersTakeNoTime() {
    try (WorkerPool pool = new WorkerPool("idle test", 3)) {
      pool.run((worker, unit) -> {}, 10);
      LockSupport.parkNanos(100_000_000);
      long before = cpuNanosOfWorkers("idle test");
      LockSupport.parkNanos(500_000_000);

      long used = cpuNanosOfWorkers("idle test") - before;

      assertTrue(used < 5_000_000, "two idle workers used " + used + " ns of 1e9");
    }
  }

  private static long cpuNanosOfWorkers(String name) {
    var threads = ManagementFactory.getThreadMXBean();
    long nanos = 0;
    for (long id : threads.getAllThreadIds()) {
      var info = threads.getThreadInfo(id);
      if (info != null && info.getThreadName().startsWith(name)) {
        nanos += threads.getThreadCpuTime(id);
      }
    }
    return nanos;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void failingUnitFailsItsWorkAndNotTheNext(int workers) {
    try (WorkerPool pool = new WorkerPool("test", workers)) {
      AtomicInteger others = new AtomicInteger();
      ArithmeticException cause = new ArithmeticException("unit 5");

      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () ->
                  pool.run(
                      (worker, unit) -> {
                        if (unit == 5) {
                          throw cause;
                        }
                        others.incrementAndGet();
                      },
                      20));

      assertSame(cause, thrown.getCause());
      assertEquals(19, others.get());
      pool.run((worker, unit) -> others.incrementAndGet(), 7);
      assertEquals(26, others.get());
    }
  }

  @Test
  void closeEndsTheThreads() {
    WorkerPool pool = new WorkerPool("close test", 4);
    pool.run((worker, unit) -> {}, 4);

    pool.close();
    pool.close();

    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      assertFalse(thread.getName().startsWith("close test"), thread.getName());
    }
  }
}
