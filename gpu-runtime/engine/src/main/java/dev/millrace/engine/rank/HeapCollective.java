package dev.millrace.engine.rank;

import dev.millrace.engine.compute.HostTensor;
import dev.millrace.engine.compute.Tensor;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Exchange between threads of one process over {@link HostTensor}s. Each rank shows its tensor to
 * the others, sums its share of the elements over all of them, and writes the sums to all: nothing
 * is copied, no buffer is needed.
 */
public final class HeapCollective implements Collective {
  private final int rank;
  private final RankBarrier barrier;

  /** The tensor each rank has brought to the operation under way. */
  private final HostTensor[] brought;

  private HeapCollective(int rank, RankBarrier barrier, HostTensor[] brought) {
    this.rank = rank;
    this.barrier = barrier;
    this.brought = brought;
  }

  /**
   * The ends of a new group, in the order of the ranks.
   *
   * @param deadline longest a rank waits for the others
   */
  public static List<Collective> group(int ranks, Duration deadline) {
    RankBarrier barrier = new RankBarrier(ranks, deadline);
    HostTensor[] brought = new HostTensor[ranks];
    return IntStream.range(0, ranks)
        .<Collective>mapToObj(rank -> new HeapCollective(rank, barrier, brought))
        .toList();
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int ranks() {
    return brought.length;
  }

  @Override
  public void allReduce(Tensor x, int rows) {
    if (ranks() == 1) {
      return;
    }
    bring(x);
    long elements = (long) rows * x.width();
    int from = (int) (elements * rank / ranks());
    int to = (int) (elements * (rank + 1) / ranks());
    float[] own = brought[rank].values();
    float[] first = brought[0].values();
    // Into the own tensor last of all reads of it: an element is only touched by one rank.
    for (int i = from; i < to; i++) {
      float sum = first[i];
      for (int other = 1; other < brought.length; other++) {
        sum += brought[other].values()[i];
      }
      own[i] = sum;
    }
    for (HostTensor other : brought) {
      if (other != brought[rank]) {
        System.arraycopy(own, from, other.values(), from, to - from);
      }
    }
    barrier();
  }

  @Override
  public void allGather(Tensor part, Tensor whole, int rows) {
    int width = part.width();
    if (whole.width() != ranks() * width) {
      throw new IllegalArgumentException(
          "allGather: expected %s of width %d for %d ranks, found %d"
              .formatted(whole.name(), ranks() * width, ranks(), whole.width()));
    }
    bring(part);
    float[] target = ((HostTensor) whole).values();
    for (int other = 0; other < brought.length; other++) {
      float[] source = brought[other].values();
      for (int row = 0; row < rows; row++) {
        System.arraycopy(source, row * width, target, row * whole.width() + other * width, width);
      }
    }
    barrier();
  }

  /** Shows a tensor to all ranks, and returns when theirs can be seen. */
  private void bring(Tensor x) {
    brought[rank] = (HostTensor) x;
    barrier();
    if (brought[0].width() != x.width()) {
      throw new IllegalStateException(
          "collective: rank %d brought %s of width %d, rank 0 %s of width %d"
              .formatted(rank, x.name(), x.width(), brought[0].name(), brought[0].width()));
    }
  }

  @Override
  public void barrier() {
    barrier.await(rank);
  }

  @Override
  public void poison(Throwable error) {
    barrier.fail(rank, error);
  }
}
