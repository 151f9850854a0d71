package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.model.TinyModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ranks take of a GPU, by their own books and as the GPU says. */
@Tag("gpu")
final class CudaMemoryTest {
  private static final int RANKS = 4;
  private static final long TOLERANCE = 64L << 20;

  @TempDir private Path folder;

  @Test
  void probeSeesWhatIsTakenAndGivenBack() {
    Gpu.parts();
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        MemoryProbe probe = CudaProbe.open(List.of(0, 0, 0))) {
      context.use();
      long taken = 256L << 20;
      List<DeviceReading> before = probe.read();
      assumeFalse(before.isEmpty(), "needs NVML (libnvidia-ml.so.1) beside the driver");
      assertEquals(1, before.size());
      assertEquals("GPU 0", before.get(0).device());
      assertEquals(List.of(0, 1, 2), before.get(0).ranks());
      try (DeviceArena arena = DeviceArena.open("probe", taken)) {
        assertEquals(taken, arena.bytes());
        long grown = probe.read().get(0).usedBytes() - before.get(0).usedBytes();
        assertTrue(Math.abs(grown - taken) <= TOLERANCE, grown + " bytes more are in use");
      }
      long left = probe.read().get(0).usedBytes() - before.get(0).usedBytes();
      assertTrue(Math.abs(left) <= TOLERANCE, left + " bytes are still in use");
    }
  }

  /** The same holds of several cards: the books of all ranks are one plan. */
  @Test
  void ranksOfOneCardTakeTheSameAndTheCardWhatThePlanSays() throws IOException {
    Gpu.parts();
    TinyModel.llama().write(folder.resolve("ws")).close();
    EngineSettings settings =
        new EngineSettings("cuda", RANKS, 8, 64, 512L << 20, 0, true, 0, 60_000);
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        Workspace workspace = Workspace.open(folder.resolve("ws"))) {
      long before = context.freeBytes();
      long planned;
      try (CudaExecutor executor =
          CudaExecutor.open(workspace, settings, Collections.nCopies(RANKS, 0))) {
        // Each rank has compared its books with the plan, to the byte, when it had loaded.
        for (MemoryEntry entry : executor.memory()) {
          if (!entry.purpose().equals(MemoryPurpose.DRIVER.label())) { // measured, not taken
            assertEquals(entry.plannedBytes(), entry.usedBytes(), entry::toString);
          }
        }
        generate(executor);
        planned = RANKS * executor.memory().stream().mapToLong(MemoryEntry::plannedBytes).sum();
        context.use();
        long taken = before - context.freeBytes();
        System.out.printf("4 ranks: planned %d bytes, the card gave %d%n", planned, taken);
        assertTrue(Math.abs(taken - planned) <= TOLERANCE, taken + " taken, planned " + planned);
      }
      context.use();
      long lost = before - context.freeBytes();
      assertTrue(lost <= TOLERANCE, lost + " bytes are still taken");
    }
  }

  private static void generate(CudaExecutor executor) {
    int[] prompt = new Random(3).ints(40, 0, 101).toArray();
    List<StepDriver.Task> tasks = Collections.nCopies(5, new StepDriver.Task(prompt, 12, Set.of()));
    assertEquals(5, new StepDriver(executor, 64).generate(tasks, 5, 32).size());
  }
}
