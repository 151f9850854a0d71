package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** What the machine can do at most, measured: the bounds that benchmarks compare with. */
public final class Ceilings {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final int ROUNDS = 8;
  private static final int FMA_LOOPS = 2_000_000;
  private static final int READ_INTS = 32 << 20;

  private volatile double sink;

  /** Fused multiply-adds on registers, all threads, in GFLOP/s. */
  public double peakGflops(int threads) {
    double flops = 2.0 * 10 * LANES.length() * FMA_LOOPS * threads;
    return flops / bestNanos(threads, (worker, unit) -> sink = multiplyAdd());
  }

  /** Reading arrays much larger than the caches, all threads, in GB/s. */
  public double readGigabytes(int threads) {
    int[][] arrays = new int[threads][READ_INTS];
    double bytes = 4.0 * READ_INTS * threads;
    return bytes / bestNanos(threads, (worker, unit) -> sink = sum(arrays[unit]));
  }

  private static long bestNanos(int threads, Work work) {
    try (WorkerPool pool = new WorkerPool("ceiling", threads)) {
      long best = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        pool.run(work, threads);
        best = Math.min(best, System.nanoTime() - start);
      }
      return best;
    }
  }

  private static double multiplyAdd() {
    FloatVector a = FloatVector.broadcast(LANES, 1.0001f);
    FloatVector b = FloatVector.broadcast(LANES, 0.9999f);
    FloatVector c0 = a;
    FloatVector c1 = a;
    FloatVector c2 = a;
    FloatVector c3 = a;
    FloatVector c4 = a;
    FloatVector c5 = a;
    FloatVector c6 = a;
    FloatVector c7 = a;
    FloatVector c8 = a;
    FloatVector c9 = a;
    for (int i = 0; i < FMA_LOOPS; i++) {
      c0 = c0.fma(b, a);
      c1 = c1.fma(b, a);
      c2 = c2.fma(b, a);
      c3 = c3.fma(b, a);
      c4 = c4.fma(b, a);
      c5 = c5.fma(b, a);
      c6 = c6.fma(b, a);
      c7 = c7.fma(b, a);
      c8 = c8.fma(b, a);
      c9 = c9.fma(b, a);
    }
    return c0.add(c1).add(c2).add(c3).add(c4).add(c5).add(c6).add(c7).add(c8).add(c9).lane(0);
  }

  private static double sum(int[] x) {
    IntVector s0 = IntVector.zero(INTS);
    IntVector s1 = s0;
    IntVector s2 = s0;
    IntVector s3 = s0;
    int step = INTS.length();
    for (int i = 0; i < x.length; i += 4 * step) {
      s0 = s0.add(IntVector.fromArray(INTS, x, i));
      s1 = s1.add(IntVector.fromArray(INTS, x, i + step));
      s2 = s2.add(IntVector.fromArray(INTS, x, i + 2 * step));
      s3 = s3.add(IntVector.fromArray(INTS, x, i + 3 * step));
    }
    return s0.add(s1).add(s2).add(s3).lane(0);
  }
}
