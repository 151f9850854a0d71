package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.api.engine.DeviceEngineFactory;
import dev.millrace.api.engine.DeviceEngineFactory.Device;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.cuda.Gpu;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.golden.SampleData;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GpuEngineFactoryTest {
  private static final EngineSettings SETTINGS = EngineSettings.defaults().withBackend("cuda");
  private static final CudaDevices FOUR =
      new CudaDevices(
          13000, List.of(gpu(0, 90), gpu(1, 75), gpu(2, 90), gpu(3, 90)), Optional.empty());

  @TempDir private Path folder;

  @BeforeEach
  void keepEnginesApart() {
    System.setProperty("millrace.run.dir", folder.resolve("run").toString());
  }

  @AfterEach
  void forgetFolder() {
    System.clearProperty("millrace.run.dir");
  }

  private static CudaDevice gpu(int ordinal, int capability) {
    return new CudaDevice(
        ordinal,
        "Card",
        "0000:%d0:00.0".formatted(ordinal),
        capability / 10,
        capability % 10,
        132,
        1,
        1,
        80L << 30);
  }

  private static GpuEngineFactory factory(EngineSettings settings) {
    return new GpuEngineFactory("/nowhere", settings, TextSettings.defaults(), () -> FOUR);
  }

  private static EngineFactory hosted(EngineFactory factory) {
    return new ProcessEngineFactory(
        factory,
        HostSettings.defaults().withLinger(Duration.ZERO).withJvmOptions(List.of("-Xmx256m")));
  }

  @Test
  void anyGpuThatKernelsRunOnMayBeHandedOut() {
    GpuEngineFactory two = factory(SETTINGS.withRanks(2));

    assertEquals(2, two.devicesPerEngine());
    assertEquals(
        List.of(
            new Device(0, "0000:00:00.0"),
            new Device(2, "0000:20:00.0"),
            new Device(3, "0000:30:00.0")),
        two.devicesVisible());
    GpuEngineFactory granted =
        assertInstanceOf(GpuEngineFactory.class, two.onDevices(List.of(2, 3)));
    assertEquals(List.of(2, 3), granted.settings().devices());
    assertEquals(2, granted.settings().ranks());
  }

  @Test
  void namedGpusAreTheOnlyOnesAndKeepTheirRanks() {
    GpuEngineFactory named = factory(SETTINGS.withDevices(List.of(3, 0, 3)));

    assertEquals(2, named.devicesPerEngine());
    assertEquals(List.of(3, 0), named.devicesVisible().stream().map(Device::ordinal).toList());
    assertEquals(named, named.onDevices(List.of(0, 3)));
  }

  @Test
  void aNamedGpuThatIsNotThereIsNamed() {
    GpuEngineFactory named = factory(SETTINGS.withDevices(List.of(4)));

    EngineException refused = assertThrows(EngineException.class, named::devicesVisible);

    assertEquals(
        "no GPU can be used: GPU 4: expected a number from 0 to 3; see nvidia-smi",
        refused.getMessage());
  }

  @Test
  void noGpuThatKernelsRunOnIsSaidWithWhatToDo() {
    CudaDevices old = new CudaDevices(13000, List.of(gpu(0, 75)), Optional.empty());
    CudaDevices none = new CudaDevices(0, List.of(), Optional.of("no driver; install it"));

    EngineException tooOld =
        assertThrows(
            EngineException.class,
            new GpuEngineFactory("/nowhere", SETTINGS, TextSettings.defaults(), () -> old)
                ::devicesVisible);
    EngineException missing =
        assertThrows(
            EngineException.class,
            new GpuEngineFactory("/nowhere", SETTINGS, TextSettings.defaults(), () -> none)
                ::devicesVisible);

    assertTrue(tooOld.getMessage().contains("is too old"), tooOld.getMessage());
    assertEquals("no GPU can be used: no driver; install it", missing.getMessage());
  }

  @Test
  void onlyEnginesOnGpusAreHandedDevices() {
    LocalEngines engines = new LocalEngines();

    assertInstanceOf(DeviceEngineFactory.class, engines.of(folder, SETTINGS));
    assertFalse(
        engines.of(folder, EngineSettings.defaults().withBackend("cpu"))
            instanceof DeviceEngineFactory);
  }

  /** The list travels to the process; there it is asked, and the GPUs of the list are locked. */
  @Test
  void theEnginesProcessHandsOutWhatItSees() {
    EngineFactory three = hosted(factory(SETTINGS.withRanks(4)));

    EngineException refused = assertThrows(EngineException.class, three::openEngine);

    assertTrue(
        refused
            .getMessage()
            .startsWith(
                "expected 4 free devices, found 3 of the visible"
                    + " [0 (0000:00:00.0), 2 (0000:20:00.0), 3 (0000:30:00.0)]"),
        refused.getMessage());
  }

  @Test
  @Tag("no-gpu")
  void anEnginesProcessWithoutAGpuSaysWhatToDo() {
    assumeTrue(CudaDevices.find().problem().isPresent(), "this machine has a GPU");
    EngineFactory hosted = hosted(new LocalEngines().of(folder, SETTINGS));

    EngineException refused = assertThrows(EngineException.class, hosted::openEngine);

    assertTrue(refused.getMessage().startsWith("no GPU can be used: "), refused.getMessage());
    assertTrue(refused.getMessage().contains("--backend cpu"), refused.getMessage());
  }

  @Test
  @Tag("gpu")
  void twoEnginesNeverGetTheSameGpu() throws IOException {
    Gpu.require();
    Path workspace = folder.resolve("ws");
    SampleData.convert("tiny-qwen2.5", workspace).close();
    EngineSettings first = SETTINGS.withDevices(List.of(0)).withKvCacheBytes(64 << 20);
    LocalEngines engines = new LocalEngines();

    try (Engine one = hosted(engines.of(workspace, first)).openEngine()) {
      EngineFactory other = hosted(engines.of(workspace, first.withContextTokensMax(512)));

      EngineException refused = assertThrows(EngineException.class, other::openEngine);

      assertEquals("cuda", one.info().backend());
      assertTrue(refused.getMessage().contains("held: device 0 ("), refused.getMessage());
    }
  }
}
