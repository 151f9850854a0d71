package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.cuda.CudaPresence;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.run.EngineFactories.Choice;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LocalEnginesTest {
  private static final EngineSettings ASKED = EngineSettings.defaults();

  private final List<List<Integer>> looks = new ArrayList<>();
  private final LocalEngines withGpus =
      new LocalEngines(
          ordinals -> {
            looks.add(ordinals);
            return new CudaPresence(
                ordinals.stream().map(LocalEnginesTest::gpu).toList(), Optional.empty());
          });
  private final LocalEngines withoutGpus =
      new LocalEngines(
          ordinals -> {
            looks.add(ordinals);
            return new CudaPresence(List.of(), Optional.of("no driver"));
          });

  private static CudaDevice gpu(int ordinal) {
    return new CudaDevice(ordinal, "NVIDIA Card", "bus", 9, 0, 132, 1, 1, 80L << 30);
  }

  @Test
  void autoTakesTheGpusWhereTheyCanBeUsedAndSaysSo() {
    Choice choice = withGpus.choose(ASKED.withRanks(2));

    assertEquals("cuda", choice.settings().backend());
    assertEquals(List.of(), choice.settings().devices(), "whoever opens engines hands them out");
    assertEquals(2, choice.settings().ranks());
    assertEquals(2048, choice.settings().sequencesMax());
    assertEquals(8192, choice.settings().stepTokensMax());
    assertEquals(
        "Running on GPU 0 (NVIDIA Card, compute capability 9.0, 80.0 GiB) and 1 more.",
        choice.notice().orElseThrow());
    assertEquals(List.of(List.of(0, 1)), looks);
  }

  @Test
  void autoTakesTheCpuElseAndSaysWhy() {
    Choice choice = withoutGpus.choose(ASKED);

    assertEquals("cpu", choice.settings().backend());
    assertEquals(64, choice.settings().sequencesMax());
    assertEquals(2048, choice.settings().stepTokensMax());
    assertEquals("Running on the CPU: no driver.", choice.notice().orElseThrow());
  }

  @Test
  void whatTheUserSetIsKept() {
    Choice choice = withGpus.choose(ASKED.withBatch(7, 99).withDevices(List.of(3, 3)));

    assertEquals("cuda", choice.settings().backend());
    assertEquals(List.of(3, 3), choice.settings().devices());
    assertEquals(2, choice.settings().ranks());
    assertEquals(7, choice.settings().sequencesMax());
    assertEquals(99, choice.settings().stepTokensMax());
    assertTrue(choice.notice().isEmpty(), choice.notice().toString());
  }

  @Test
  void askingForTheCpuLooksForNoGpu() {
    assertEquals("cpu", withGpus.choose(ASKED.withBackend("cpu")).settings().backend());
    assertEquals("reference", withGpus.choose(ASKED.withBackend("reference")).settings().backend());
    assertTrue(looks.isEmpty(), looks.toString());
  }

  @Test
  void askingForGpusWithoutAnyIsRefusedWithWhatToDo() {
    for (EngineSettings settings :
        List.of(ASKED.withBackend("cuda"), ASKED.withDevices(List.of(0)))) {
      CommandException refused =
          assertThrows(CommandException.class, () -> withoutGpus.choose(settings));

      assertEquals(ExitCode.USAGE, refused.exitCode());
      assertEquals("No GPU can be used: no driver", refused.getMessage());
      assertTrue(refused.remedy().contains("--backend cpu"), refused.remedy());
    }
  }

  @Test
  void workersElsewhereMayHaveTheGpusThatThisMachineLacks() {
    Choice cuda = withoutGpus.chooseForOthers(ASKED.withBackend("cuda").withRanks(2));

    assertEquals("cuda", cuda.settings().backend());
    assertEquals(2048, cuda.settings().sequencesMax());
    assertTrue(looks.isEmpty(), looks.toString());

    Choice auto = withoutGpus.chooseForOthers(ASKED);

    assertEquals("cpu", auto.settings().backend());
    assertEquals(
        "Running on the CPU: no driver. Workers do as this machine would; --backend says otherwise.",
        auto.notice().orElseThrow());
  }

  @Test
  void planningForAGpuElsewhereNeedsNone() {
    Choice choice = withoutGpus.choose(ASKED.withBackend("cuda").withDeviceMemoryBytes(80L << 30));

    assertEquals("cuda", choice.settings().backend());
    assertTrue(looks.isEmpty(), looks.toString());
    assertFalse(choice.notice().isPresent());
  }

  @Test
  void theMemoryOfAGpuAsksForOne() {
    EngineSettings asked = ASKED.withDeviceMemoryBytes(80L << 30);

    Choice elsewhere = withoutGpus.choose(asked);
    Choice here = withGpus.choose(asked);
    Choice workers = withoutGpus.chooseForOthers(asked);

    assertEquals("cuda", elsewhere.settings().backend());
    assertEquals(
        "Planning for GPUs elsewhere, as --gpu-memory says: no driver.",
        elsewhere.notice().orElseThrow());
    assertEquals("cuda", here.settings().backend());
    assertTrue(here.notice().orElseThrow().startsWith("Running on GPU 0"), here.toString());
    assertEquals("cuda", workers.settings().backend());
    assertTrue(workers.notice().isEmpty(), workers.toString());
  }
}
