package dev.millrace.jobs.memory;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.StagePlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Watches the memory of a job's devices: reads it at each {@link Moment} and, while rows are
 * generated, at even distances; tells when the devices become unequal. Hands on what it hears to
 * another listener. A probe that fails is not asked again: no job ends because it cannot be
 * watched.
 */
public final class MemoryWatch implements JobListener, AutoCloseable {
  /** Samples that are kept: when there are more, every second one is dropped. */
  private static final int SAMPLES_MAX = 512;

  private static final double MIB = 1 << 20;

  private final MemoryProbe probe;
  private final JobListener next;
  private final Duration distance;
  private final LongSupplier nanoClock;
  private final long start;
  private final Map<Moment, List<DeviceReading>> moments = new EnumMap<>(Moment.class);
  private final List<MemoryRecord.Sample> samples = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<String> untold = new ArrayList<>();
  private ScheduledExecutorService sampler;
  private ScheduledFuture<?> sampling;
  private int everySample = 1;
  private int turn;
  private boolean blind;
  private boolean told;

  /**
   * @param probe closed with the watch
   * @param distance between two samples
   * @param nanoClock {@link System#nanoTime}, or a test's own
   */
  public MemoryWatch(
      MemoryProbe probe, JobListener next, Duration distance, LongSupplier nanoClock) {
    this.probe = probe;
    this.next = next;
    this.distance = distance;
    this.nanoClock = nanoClock;
    this.start = nanoClock.getAsLong();
  }

  @Override
  public void stageStarted(JobStage stage) {
    switch (stage) {
      case STAGE -> {}
      case LOAD -> mark(Moment.BEFORE);
      case GENERATE -> startSampling();
      case ASSEMBLE -> {
        if (isMarked(Moment.AT_LOAD)) {
          mark(Moment.AFTER_CLOSE);
        }
      }
    }
    tell();
    next.stageStarted(stage);
  }

  @Override
  public void stageFinished(JobStage stage, double seconds, boolean resumed) {
    if (stage == JobStage.LOAD) {
      mark(Moment.AT_LOAD);
    } else if (stage == JobStage.GENERATE && isMarked(Moment.AT_LOAD)) {
      stopSampling();
      mark(Moment.END);
    }
    tell();
    next.stageFinished(stage, seconds, resumed);
  }

  @Override
  public void planned(StagePlan plan) {
    next.planned(plan);
  }

  @Override
  public void progressed(JobProgress progress) {
    tell();
    next.progressed(progress);
  }

  @Override
  public void warned(String message) {
    next.warned(message);
  }

  private synchronized boolean isMarked(Moment moment) {
    return moments.containsKey(moment);
  }

  /** Hands on what the sampler found: on the job's own thread, as listeners expect. */
  private void tell() {
    List<String> news;
    synchronized (this) {
      news = List.copyOf(untold);
      untold.clear();
    }
    news.forEach(next::warned);
  }

  /** Reads all devices for a moment. */
  private synchronized void mark(Moment moment) {
    List<DeviceReading> readings = read();
    if (readings.isEmpty()) {
      return;
    }
    moments.put(moment, readings);
    if (moment == Moment.AT_LOAD || moment == Moment.END) {
      raisePeak(readings);
    }
    check(moment, readings);
  }

  private void startSampling() {
    synchronized (this) {
      if (!moments.containsKey(Moment.AT_LOAD) || sampler != null) {
        return;
      }
      sampler =
          Executors.newSingleThreadScheduledExecutor(
              task -> {
                Thread thread = new Thread(task, "millrace-memory-watch");
                thread.setDaemon(true);
                return thread;
              });
    }
    sampling =
        sampler.scheduleAtFixedRate(this::sample, 0, distance.toMillis(), TimeUnit.MILLISECONDS);
  }

  private synchronized void sample() {
    List<DeviceReading> readings = read();
    if (readings.isEmpty()) {
      return;
    }
    raisePeak(readings);
    if (turn++ % everySample == 0) {
      samples.add(new MemoryRecord.Sample((nanoClock.getAsLong() - start) / 1e9, readings));
    }
    if (samples.size() > SAMPLES_MAX) {
      for (int i = samples.size() - 1; i > 0; i -= 2) {
        samples.remove(i);
      }
      everySample *= 2;
    }
    check(Moment.PEAK, readings);
  }

  private List<DeviceReading> read() {
    if (blind) {
      return List.of();
    }
    try {
      return probe.read();
    } catch (RuntimeException e) {
      blind = true;
      warn("the memory of the devices could not be read any more: " + e.getMessage());
      return List.of();
    }
  }

  private void raisePeak(List<DeviceReading> readings) {
    List<DeviceReading> peak = new ArrayList<>(readings);
    List<DeviceReading> before = moments.getOrDefault(Moment.PEAK, readings);
    for (int i = 0; i < peak.size(); i++) {
      if (before.get(i).usedBytes() > peak.get(i).usedBytes()) {
        peak.set(i, before.get(i));
      }
    }
    moments.put(Moment.PEAK, List.copyOf(peak));
  }

  /** Warns the first time that the devices are unequal. */
  private void check(Moment moment, List<DeviceReading> readings) {
    Spread spread = Spread.of(moments.getOrDefault(Moment.BEFORE, readings), readings);
    if (told || !spread.isTooWide()) {
      return;
    }
    told = true;
    warn(
        String.format(
            Locale.ROOT,
            "%s has taken %,.0f MiB more than %s for each rank since this job began, %s: %s",
            spread.fullest(),
            spread.bytes() / MIB,
            spread.emptiest(),
            when(moment),
            cause(spread, readings)));
  }

  private void warn(String warning) {
    warnings.add(warning);
    untold.add(warning);
  }

  private static String when(Moment moment) {
    return switch (moment) {
      case BEFORE -> "before it loaded anything";
      case AT_LOAD -> "while the model was loaded";
      case PEAK, END -> "while rows were generated";
      case AFTER_CLOSE -> "with the engine closed";
    };
  }

  private String cause(Spread spread, List<DeviceReading> readings) {
    List<DeviceReading> before = moments.getOrDefault(Moment.BEFORE, readings);
    for (int i = 0; i < readings.size(); i++) {
      DeviceReading now = readings.get(i);
      if (now.device().equals(spread.fullest()) && now.othersBytes() >= 0) {
        long others = now.othersBytes() - Math.max(0, before.get(i).othersBytes());
        if (others > Spread.BYTES_MAX / 2) {
          return String.format(
              Locale.ROOT, "other processes took %,.0f MiB of it; see nvidia-smi", others / MIB);
        }
        return "no other process did, and every rank holds what the plan says to the byte: please report this";
      }
    }
    return "every rank holds what the plan says to the byte, so another process is likely; see nvidia-smi";
  }

  private void stopSampling() {
    ScheduledExecutorService running;
    synchronized (this) {
      running = sampler;
      sampler = null;
    }
    if (running != null) {
      sampling.cancel(false);
      running.shutdown();
      try {
        running.awaitTermination(distance.toMillis() + 1000, TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** What was seen so far. */
  public synchronized MemoryRecord record() {
    return new MemoryRecord(moments, samples, warnings);
  }

  /** Stops watching. Idempotent. */
  @Override
  public void close() {
    stopSampling();
    synchronized (this) {
      blind = true;
      probe.close();
    }
  }
}
