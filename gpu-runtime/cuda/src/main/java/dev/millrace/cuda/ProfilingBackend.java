package dev.millrace.cuda;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.RankMemory;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.step.StepPlan;
import java.util.function.IntConsumer;

/**
 * A backend whose verbs are timed in some of its steps. Such a step is run twice: once with every
 * verb repeated between marks, whose results are worth nothing, then as it should be. The second
 * run begins at the tokens and writes keys and values anew, so answers do not change. Nothing is
 * recorded or replayed.
 */
final class ProfilingBackend implements Backend {
  private final CudaBackend backend;
  private final VerbTimes times;
  private final boolean reporting;
  private final VerbStopwatch watch;
  private long steps;
  private boolean sampled; // the step in progress
  private boolean timing; // the verbs that come now
  private boolean decodeOnly;

  /**
   * @param reporting whether this rank's times count
   */
  ProfilingBackend(CudaBackend backend, VerbTimes times, boolean reporting) {
    this.backend = backend;
    this.times = times;
    this.reporting = reporting;
    watch = new VerbStopwatch(backend.stream());
    backend.runEagerly();
  }

  /** Runs work of a step, several times where it is timed. */
  void timed(String name, Runnable verb) {
    if (timing) {
      watch.time(name, verb);
    } else {
      verb.run();
    }
  }

  /** Runs work of a step that must not be done twice. */
  void timedOnce(String name, Runnable work) {
    if (timing) {
      watch.timeOnce(name, work);
    } else {
      work.run();
    }
  }

  /** The kind of a weight: its name without the layer. */
  private static String kind(Weight weight) {
    return "matmul " + weight.name().substring(weight.name().lastIndexOf('.') + 1);
  }

  @Override
  public StepBatch begin(StepPlan plan) {
    report();
    timing = false;
    sampled = times.wants(steps++);
    return backend.begin(plan);
  }

  @Override
  public void run(StepBatch batch, Runnable verbs) {
    if (!sampled) {
      backend.run(batch, verbs);
      return;
    }
    decodeOnly = ((CudaBatch) batch).isDecodeOnly();
    timing = true;
    verbs.run();
    timing = false;
    if (reporting) {
      times.addStep(decodeOnly, batch.rows());
    }
    backend.run(batch, verbs);
    timing = true; // what follows is done once, head and draws, and gives the same when repeated
  }

  /** Takes the times of a step that has run. */
  private void report() {
    if (reporting) {
      watch.report(decodeOnly, times);
    } else {
      watch.discard();
    }
  }

  @Override
  public void gatherLogitRows(StepBatch batch, int first, int count, Tensor x, Tensor y) {
    timed("gather", () -> backend.gatherLogitRows(batch, first, count, x, y));
  }

  @Override
  public void matmul(Tensor x, Weight weight, Tensor y, int rows) {
    timed(kind(weight), () -> backend.matmul(x, weight, y, rows));
  }

  @Override
  public void embed(StepBatch batch, Weight embedding, Tensor y) {
    timed("embed", () -> backend.embed(batch, embedding, y));
  }

  @Override
  public void rmsNorm(Tensor x, Weight weight, float epsilon, Tensor y, int rows) {
    timed("norm", () -> backend.rmsNorm(x, weight, epsilon, y, rows));
  }

  @Override
  public void addBias(Tensor x, Weight bias, int rows) {
    timed("bias", () -> backend.addBias(x, bias, rows));
  }

  @Override
  public void add(Tensor x, Tensor y, int rows) {
    timed("add", () -> backend.add(x, y, rows));
  }

  @Override
  public void normalizeHeads(
      Tensor qkv, HeadLayout heads, Weight queryWeight, Weight keyWeight, float epsilon, int rows) {
    timed("heads", () -> backend.normalizeHeads(qkv, heads, queryWeight, keyWeight, epsilon, rows));
  }

  @Override
  public void rotate(StepBatch batch, Tensor qkv, HeadLayout heads, Tensor rotary) {
    timed("heads", () -> backend.rotate(batch, qkv, heads, rotary));
  }

  @Override
  public void appendKv(StepBatch batch, Tensor qkv, KvCache cache, int layer) {
    timed("heads", () -> backend.appendKv(batch, qkv, cache, layer));
  }

  @Override
  public void attend(StepBatch batch, Tensor qkv, KvCache cache, int layer, Tensor y) {
    timed("attention", () -> backend.attend(batch, qkv, cache, layer, y));
  }

  @Override
  public void gatedActivation(Tensor gateUp, Tensor y, int rows) {
    timed("activation", () -> backend.gatedActivation(gateUp, y, rows));
  }

  @Override
  public void matmulAddBias(Tensor x, Weight weight, Weight bias, Tensor y, int rows) {
    timed(kind(weight), () -> backend.matmulAddBias(x, weight, bias, y, rows));
  }

  @Override
  public void addThenRmsNorm(
      Tensor x, Tensor residual, Weight weight, float epsilon, Tensor y, int rows) {
    timed("norm", () -> backend.addThenRmsNorm(x, residual, weight, epsilon, y, rows));
  }

  @Override
  public void rotateThenAppend(
      StepBatch batch, Tensor qkv, Tensor rotary, KvCache cache, int layer) {
    timed("heads", () -> backend.rotateThenAppend(batch, qkv, rotary, cache, layer));
  }

  @Override
  public void normalizeRotateThenAppend(
      StepBatch batch,
      Tensor qkv,
      Weight queryWeight,
      Weight keyWeight,
      float epsilon,
      Tensor rotary,
      KvCache cache,
      int layer) {
    timed(
        "heads",
        () ->
            backend.normalizeRotateThenAppend(
                batch, qkv, queryWeight, keyWeight, epsilon, rotary, cache, layer));
  }

  @Override
  public void matmulThenGate(Tensor x, Weight gateUp, Tensor wide, Tensor y, int rows) {
    if (backend.gatesInside(x, gateUp, wide, rows)) {
      timed(kind(gateUp), () -> backend.matmulThenGate(x, gateUp, wide, y, rows));
    } else {
      Backend.super.matmulThenGate(x, gateUp, wide, y, rows);
    }
  }

  // The rest is the backend's

  @Override
  public Tensor allocate(MemoryPurpose purpose, String name, DType type, int rows, int width) {
    return backend.allocate(purpose, name, type, rows, width);
  }

  @Override
  public Weight upload(WeightData data) {
    return backend.upload(data);
  }

  @Override
  public KvCache allocateKvCache(
      String name, int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return backend.allocateKvCache(name, layers, blocks, heads, type);
  }

  @Override
  public void release(Allocation allocation) {
    backend.release(allocation);
  }

  @Override
  public RankMemory memory() {
    return backend.memory();
  }

  @Override
  public void write(float[] values, Tensor x, int rows) {
    backend.write(values, x, rows);
  }

  @Override
  public void read(Tensor x, int rows, float[] values) {
    backend.read(x, rows, values);
  }

  @Override
  public int hostThreads() {
    return backend.hostThreads();
  }

  @Override
  public void forEach(int count, IntConsumer work) {
    backend.forEach(count, work);
  }

  @Override
  public void close() {
    try {
      report();
      watch.close();
    } finally {
      backend.close();
    }
  }
}
