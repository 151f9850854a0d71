package dev.millrace.jobs.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobStage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class MemoryWatchTest {
  private static final long MIB = 1 << 20;

  /** Two GPUs whose memory a test sets. */
  private static final class TwoGpus implements MemoryProbe {
    private volatile long first = 500;
    private volatile long second = 500;
    private volatile long others = -1;
    private volatile boolean broken;
    private final CountDownLatch samples = new CountDownLatch(8);
    private boolean closed;

    void use(long firstMib, long secondMib) {
      first = firstMib;
      second = secondMib;
    }

    @Override
    public List<DeviceReading> read() {
      samples.countDown();
      if (broken) {
        throw new IllegalStateException("fell off the bus");
      }
      return List.of(
          new DeviceReading("GPU 0", List.of(0), first * MIB, 80_000 * MIB, 0, 0.5),
          new DeviceReading(
              "GPU 1", List.of(1), second * MIB, 80_000 * MIB, others * MIB, Double.NaN));
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  /** Keeps what it hears. */
  private static final class Heard implements JobListener {
    private final List<String> warnings = new ArrayList<>();
    private int stages;

    @Override
    public void warned(String message) {
      warnings.add(message);
    }

    @Override
    public void stageStarted(JobStage stage) {
      stages++;
    }
  }

  private final TwoGpus gpus = new TwoGpus();
  private final Heard heard = new Heard();

  private MemoryWatch watch() {
    return new MemoryWatch(gpus, heard, Duration.ofMillis(1), System::nanoTime);
  }

  private void load(MemoryWatch watch, long firstMib, long secondMib) {
    watch.stageStarted(JobStage.LOAD);
    gpus.use(firstMib, secondMib);
    watch.stageFinished(JobStage.LOAD, 1, false);
  }

  @Test
  void equalDevicesAreReadAtEveryMomentAndNothingIsSaid() throws Exception {
    try (MemoryWatch watch = watch()) {
      load(watch, 60_500, 60_500);
      watch.stageStarted(JobStage.GENERATE);
      assertTrue(gpus.samples.await(30, TimeUnit.SECONDS));
      watch.stageFinished(JobStage.GENERATE, 1, false);
      gpus.use(500, 500);
      watch.stageStarted(JobStage.ASSEMBLE);

      MemoryRecord record = watch.record();
      assertEquals(List.of(Moment.values()), List.copyOf(record.moments().keySet()));
      assertEquals(60_500 * MIB, record.moments().get(Moment.PEAK).get(1).usedBytes());
      assertEquals(500 * MIB, record.moments().get(Moment.AFTER_CLOSE).get(0).usedBytes());
      assertEquals(0, record.spread(Moment.END).bytes());
      assertFalse(record.samples().isEmpty());
      assertEquals(List.of(), heard.warnings);
      assertEquals(3, heard.stages);

      JsonNode json = MemoryJson.of(record, 7);
      assertEquals(500 * MIB, json.at("/devices/0/used_bytes/before").longValue());
      assertEquals(60_500 * MIB, json.at("/samples/0/used_bytes/1").longValue());
      assertTrue(json.at("/samples/0/utilisation/1").isNull());
      assertEquals(0.5, json.at("/samples/0/utilisation/0").doubleValue());
      assertEquals(0, json.at("/spread/end").longValue());
    }
    assertTrue(gpus.closed);
  }

  @Test
  void fullerDeviceIsToldOnceWithTheCause() {
    try (MemoryWatch watch = watch()) {
      gpus.others = 0;
      watch.stageStarted(JobStage.LOAD);
      gpus.use(60_500, 63_682);
      gpus.others = 3_182;
      watch.stageFinished(JobStage.LOAD, 1, false);
      watch.stageStarted(JobStage.GENERATE);
      watch.stageFinished(JobStage.GENERATE, 1, false);

      assertEquals(
          List.of(
              "GPU 1 has taken 3,182 MiB more than GPU 0 for each rank since this job began, while the model was loaded: other processes took 3,182 MiB of it; see nvidia-smi"),
          heard.warnings);
      assertEquals(heard.warnings, watch.record().warnings());
      assertEquals(3_182 * MIB, watch.record().spread(Moment.AT_LOAD).bytes());
    }
  }

  @Test
  void whatOthersUsedBeforeIsNoSpread() {
    try (MemoryWatch watch = watch()) {
      gpus.use(500, 9_000);
      load(watch, 60_500, 69_030);

      assertEquals(30 * MIB, watch.record().spread(Moment.AT_LOAD).bytes());
      assertEquals(List.of(), heard.warnings);
    }
  }

  @Test
  void probeThatFailsIsToldOnceAndEndsNoJob() {
    try (MemoryWatch watch = watch()) {
      load(watch, 60_500, 60_500);
      gpus.broken = true;
      watch.stageStarted(JobStage.GENERATE);
      watch.stageFinished(JobStage.GENERATE, 1, false);
      watch.stageStarted(JobStage.ASSEMBLE);

      assertEquals(1, heard.warnings.size());
      assertTrue(heard.warnings.get(0).contains("fell off the bus"), heard.warnings.get(0));
    }
  }

  @Test
  void jobThatOpensNoEngineHasNoRecord() {
    try (MemoryWatch watch = watch()) {
      watch.stageStarted(JobStage.STAGE);
      watch.stageStarted(JobStage.GENERATE);
      watch.stageFinished(JobStage.GENERATE, 0, true);
      watch.stageStarted(JobStage.ASSEMBLE);

      assertTrue(watch.record().isEmpty());
    }
  }

  @Test
  void ranksThatShareADeviceAreCountedEach() {
    List<DeviceReading> before =
        List.of(
            new DeviceReading("GPU 0", List.of(0, 1), 0, 1, 0, 0),
            new DeviceReading("GPU 1", List.of(2), 0, 1, 0, 0));
    List<DeviceReading> now =
        List.of(
            new DeviceReading("GPU 0", List.of(0, 1), 2000 * MIB, 1, 0, 0),
            new DeviceReading("GPU 1", List.of(2), 1010 * MIB, 1, 0, 0));

    assertEquals(new Spread(10 * MIB, "GPU 1", "GPU 0"), Spread.of(before, now));
  }
}
