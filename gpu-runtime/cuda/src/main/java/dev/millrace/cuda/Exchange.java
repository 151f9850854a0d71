package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.engine.compute.StepLimits;
import java.time.Duration;

/**
 * The memory the ranks of a group exchange through; {@code all_reduce.cu} says how. Every rank's
 * thread enters its part before the first exchange.
 */
final class Exchange implements AutoCloseable {
  private static final int FLAG_BYTES = 4 * 64 * CudaSettings.RANKS_MAX;
  private static final int ROUND_BYTES = 4 * 64;

  /** Most bytes of a half of a rank's buffer: larger sums go in pieces. */
  private static final long HALF_BYTES_MAX = 64L << 20;

  /** Blocks of an exchange between devices: enough to fill their links, few enough to all run. */
  private static final int BLOCKS = 48;

  /** Blocks where ranks share a device: nothing waits there, so there may be many. */
  private static final int BLOCKS_ORDERED = 132;

  private final int ranks;
  private final long[] buffers;
  private final long[] flags;
  private final long[] rounds;
  private final long halfBytes;
  private final long deadlineNanos;
  private final int blocks;
  private final boolean ordered;
  private final PinnedBuffer failures;
  private final CudaEvent[] events;

  Exchange(CudaSettings settings, StepLimits limits) {
    ranks = settings.ranks();
    buffers = new long[ranks];
    flags = new long[ranks];
    rounds = new long[ranks];
    halfBytes = halfBytes(limits);
    deadlineNanos = settings.deadline().toNanos();
    ordered = !settings.hasDeviceEach();
    blocks = ordered ? BLOCKS_ORDERED : BLOCKS;
    events = new CudaEvent[2 * ranks];
    failures = new PinnedBuffer(Long.BYTES * CudaSettings.RANKS_MAX);
  }

  private static long halfBytes(StepLimits limits) {
    long needed = 2L * limits.tokensMax() * CudaTensor.pitch(limits.inputsMax());
    return StepLayout.divideUp(Math.min(HALF_BYTES_MAX, needed), 256) * 256;
  }

  /** Bytes of a rank's part; none where there is one rank. */
  static long bytes(StepLimits limits, int ranks) {
    return ranks == 1 ? 0 : 2 * halfBytes(limits) + FLAG_BYTES + ROUND_BYTES;
  }

  /** Enters a rank's part, which must hold zeros. */
  void enter(int rank, long address) {
    events[2 * rank] = new CudaEvent();
    events[2 * rank + 1] = new CudaEvent();
    buffers[rank] = address;
    flags[rank] = address + 2 * halfBytes;
    rounds[rank] = address + 2 * halfBytes + FLAG_BYTES;
  }

  int ranks() {
    return ranks;
  }

  int blocks() {
    return blocks;
  }

  /**
   * Whether ranks share a device, so that hosts and events order them instead of waiting kernels.
   */
  boolean isOrdered() {
    return ordered;
  }

  /** The event a rank marks its parts with, half by half. */
  CudaEvent brought(int rank, int half) {
    return events[2 * rank + half];
  }

  /** Bytes one exchange can carry. */
  long capacityBytes() {
    return halfBytes;
  }

  /** Writes the kernel's {@code Exchange} argument. */
  Arguments put(Arguments arguments, int rank) {
    arguments.beginStructure();
    for (int i = 0; i < CudaSettings.RANKS_MAX; i++) {
      arguments.i64(i < ranks ? buffers[i] : 0);
    }
    for (int i = 0; i < CudaSettings.RANKS_MAX; i++) {
      arguments.i64(i < ranks ? flags[i] : 0);
    }
    return arguments
        .i64(rounds[rank])
        .i64(failures.address() + (long) Long.BYTES * rank)
        .i64(halfBytes)
        .i64(deadlineNanos)
        .i32(rank)
        .i32(ranks)
        .endStructure();
  }

  /**
   * Whether this rank's kernels gave up waiting.
   *
   * @throws CudaException if so, naming the rank that did not come
   */
  void check(int rank) {
    long failure = failures.bytes().getLong(Long.BYTES * rank);
    if (failure != 0) {
      throw new CudaException(
          "rank %d waited %d ms on the device for rank %d, which did not come: it failed, hangs, or its GPU is busy with other work"
              .formatted(rank, Duration.ofNanos(deadlineNanos).toMillis(), failure - 1),
          0);
    }
  }

  /** Ends the waits of all ranks' kernels, in the name of a rank that failed. */
  void abandon(int failed) {
    for (int rank = 0; rank < ranks; rank++) {
      if (failures.bytes().getLong(Long.BYTES * rank) == 0) {
        failures.bytes().putLong(Long.BYTES * rank, 1L + failed);
      }
    }
  }

  @Override
  public void close() {
    for (CudaEvent event : events) {
      if (event != null) {
        event.close();
      }
    }
    failures.close();
  }
}
