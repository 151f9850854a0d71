package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.ExecutorProvider;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.model.TinyModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What needs no GPU: plans for one that is elsewhere, and what is said without one. */
final class CudaExecutorsTest {
  private static final long CARD_BYTES = 8L << 30;

  private final CudaExecutors executors = new CudaExecutors();
  private final EngineSettings settings =
      executors.complete(EngineSettings.defaults().withDeviceMemoryBytes(CARD_BYTES));

  @TempDir private Path folder;
  private WorkspaceManifest manifest;

  @BeforeEach
  void writeModel() throws IOException {
    try (Workspace workspace = TinyModel.qwen2().write(folder.resolve("ws"))) {
      manifest = workspace.manifest();
    }
  }

  @Test
  void openSettingsAreFilledInForGpus() {
    assertEquals("cuda", settings.backend());
    assertEquals(List.of(), settings.devices(), "whoever opens engines hands them out");
    assertEquals(2048, settings.sequencesMax());
    assertEquals(8192, settings.stepTokensMax());
    assertEquals(settings, executors.complete(settings));
  }

  @Test
  void planForAGivenCardStaysWithinIt() {
    ExecutorProvider.Plan plan = executors.plan(manifest, settings);

    assertEquals("cuda", plan.backend());
    assertTrue(plan.memory().rankBytes() < CARD_BYTES, "" + plan.memory().rankBytes());
    assertTrue(plan.memory().bytes(MemoryPurpose.KV_CACHE) > 0);
  }

  @Test
  void ranksOnOneCardShareIt() {
    EngineSettings two =
        executors.complete(
            EngineSettings.defaults().withDeviceMemoryBytes(CARD_BYTES).withDevices(List.of(0, 0)));

    ExecutorProvider.Plan plan = executors.plan(manifest, two);

    assertTrue(2 * plan.memory().rankBytes() < CARD_BYTES, "" + plan.memory().rankBytes());
  }

  @Test
  void modelThatDoesNotFitIsToldWithTheSizes() {
    DoesNotFitException small =
        assertThrows(
            DoesNotFitException.class,
            () -> executors.plan(manifest, settings.withDeviceMemoryBytes(900L << 20)));

    assertTrue(small.getMessage().contains("KV cache"), small.getMessage());
  }

  /** Steps of many rows are faster with bf16 weights; the KV cache goes first all the same. */
  @Test
  void int4WeightsAreKeptAsBf16TooWhereThereIsRoom() throws IOException {
    WorkspaceManifest int4;
    try (Workspace workspace = TinyModel.int4().write(folder.resolve("int4"))) {
      int4 = workspace.manifest();
    }
    long bf16 =
        int4.tensors().stream()
            .filter(tensor -> tensor.storage() == StorageType.INT4)
            .mapToLong(tensor -> 2 * tensor.outputs() * tensor.inputs())
            .sum();
    long fits = CARD_BYTES;
    for (long step = CARD_BYTES / 2; step > 1024; step /= 2) {
      fits -= fits(int4, fits - step) ? step : 0;
    }

    long roomy = weightBytes(int4, CARD_BYTES);
    long tight = weightBytes(int4, fits);
    assertTrue(bf16 > 0);
    assertTrue(roomy - tight >= bf16, roomy + " bytes where there is room, else " + tight);
    assertTrue(roomy - tight <= bf16 + bf16 / 4, roomy + " bytes, else " + tight);
  }

  private boolean fits(WorkspaceManifest model, long cardBytes) {
    try {
      return weightBytes(model, cardBytes) > 0;
    } catch (DoesNotFitException e) {
      return false;
    }
  }

  private long weightBytes(WorkspaceManifest model, long cardBytes) {
    return executors
        .plan(model, settings.withDeviceMemoryBytes(cardBytes))
        .memory()
        .bytes(MemoryPurpose.WEIGHTS);
  }

  @Test
  void withoutAGpuOpeningAndPlanningSayWhatToDo() throws IOException {
    CudaPresence presence = CudaPresence.look(List.of(0));
    assumeTrue(!presence.isUsable(), "a GPU is here");

    assertTrue(!presence.problem().orElseThrow().isBlank());
    EngineSettings here = settings.withDeviceMemoryBytes(0);
    EngineException plan =
        assertThrows(EngineException.class, () -> executors.plan(manifest, here));
    assertTrue(plan.getMessage().contains("--gpu-memory"), plan.getMessage());
    try (Workspace workspace = Workspace.open(folder.resolve("ws"))) {
      EngineException open =
          assertThrows(EngineException.class, () -> executors.open(workspace, here));
      assertTrue(open.getMessage().startsWith("no GPU can be used: "), open.getMessage());
    }
  }
}
