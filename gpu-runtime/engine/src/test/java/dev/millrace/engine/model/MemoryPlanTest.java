package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.ForwardingBackendFactory;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.compute.StepLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MemoryPlanTest {
  /** Keys and values of a block of the model below on one rank: 2 layers, 4 heads of 16. */
  private static final long BLOCK_BYTES = 64L * 2 * 2 * 4 * 16 * Float.BYTES;

  @TempDir private Path folder;

  private WorkspaceManifest manifest(TinyModel model) throws IOException {
    try (Workspace workspace = model.write(folder.resolve("ws"))) {
      return workspace.manifest();
    }
  }

  private static EngineSettings settings(int ranks, long kvCacheBytes, int contextTokensMax) {
    return new EngineSettings(
        "reference", ranks, 5, 32, kvCacheBytes, contextTokensMax, true, 0, 1000);
  }

  /** A backend on a device of so much memory, which holds the weights too. */
  private static final class RoomFor extends ForwardingBackendFactory {
    private final long bytes;

    RoomFor(long bytes) {
      super(new ReferenceBackendFactory());
      this.bytes = bytes;
    }

    @Override
    public long driverBytes() {
      return 77;
    }

    @Override
    public long memoryAvailableBytes(int ranks) {
      return bytes;
    }

    @Override
    public boolean mapsWeights() {
      return false;
    }

    @Override
    public Backend open(
        int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
      throw new UnsupportedOperationException("a plan opens nothing");
    }
  }

  private static MemoryPlan plan(WorkspaceManifest manifest, EngineSettings settings) {
    return MemoryPlan.of(manifest, settings, new ReferenceBackendFactory());
  }

  @Test
  void cacheHoldsAllSequencesAtFullLength() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());

    assertEquals(5 * 4, plan(manifest, settings(1, 0, 0)).kvBlocks());
    assertEquals(5 * 2, plan(manifest, settings(1, 0, 65)).kvBlocks());
    assertEquals(256, plan(manifest, settings(1, 0, 1000)).contextTokensMax());
    assertEquals(20 * BLOCK_BYTES, plan(manifest, settings(1, 0, 0)).bytes(MemoryPurpose.KV_CACHE));
  }

  @Test
  void givenCacheBytesAreOverAllRanks() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());

    assertEquals(7, plan(manifest, settings(1, 7 * BLOCK_BYTES, 0)).kvBlocks());
    assertEquals(7, plan(manifest, settings(4, 7 * BLOCK_BYTES, 0)).kvBlocks());
    // Eight ranks hold each of the four key-value heads twice.
    assertEquals(4, plan(manifest, settings(8, 8 * BLOCK_BYTES, 0)).kvBlocks());
  }

  @Test
  void cacheTakesNoMoreThanItsShareOfWhatIsFree() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());
    MemoryPlan large = MemoryPlan.of(manifest, settings(1, 0, 0), new RoomFor(1L << 40));
    long rest = large.rankBytes() - large.bytes(MemoryPurpose.KV_CACHE);
    BackendFactory tight = new RoomFor(rest + 16 * BLOCK_BYTES);

    assertEquals(9, MemoryPlan.of(manifest, settings(1, 0, 0), tight).kvBlocks()); // 0.6
    assertEquals(
        12, MemoryPlan.of(manifest, settings(1, 0, 0).withKvCacheShare(0.75), tight).kvBlocks());
    assertEquals(
        20,
        MemoryPlan.of(
                manifest,
                settings(1, 0, 0).withKvCacheShare(1),
                new RoomFor(rest + 1000 * BLOCK_BYTES))
            .kvBlocks()); // no more than the sequences need
  }

  @Test
  void cacheInEightBitsIsPlannedToTheByte() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());
    long scales = 64L * 2 * 2 * 4 * Float.BYTES; // of a block: 2 layers, 4 heads, keys and values
    long blockBytes = BLOCK_BYTES / Float.BYTES + scales;
    for (KvCacheType type : List.of(KvCacheType.INT8, KvCacheType.FP8)) {
      EngineSettings narrow = settings(1, 10 * BLOCK_BYTES, 0).withKvCacheType(type);

      MemoryPlan plan = plan(manifest, narrow);

      assertEquals(10 * BLOCK_BYTES / blockBytes, plan.kvBlocks());
      assertEquals(plan.kvBlocks() * blockBytes, plan.bytes(MemoryPurpose.KV_CACHE));
    }
  }

  @Test
  void planNamesWhatIsLeftToTheDriver() throws IOException {
    MemoryPlan plan =
        MemoryPlan.of(manifest(TinyModel.llama()), settings(1, 0, 0), new RoomFor(1L << 40));

    assertTrue(plan.entries().contains(new MemoryEntry("driver", 77, 0)));
    assertEquals(
        plan.rankBytes(), plan.entries().stream().mapToLong(MemoryEntry::plannedBytes).sum());
  }

  @Test
  void cacheThatHoldsNoWholeSequenceIsRefusedWithSizes() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());

    DoesNotFitException refused =
        assertThrows(
            DoesNotFitException.class, () -> plan(manifest, settings(1, 3 * BLOCK_BYTES, 0)));

    assertEquals(
        "KV cache: expected room for one sequence of 256 tokens, 0.3 MiB, found 0.2 MiB"
            + " (--kv-cache); ask for more, or lower --max-model-len",
        refused.getMessage());
  }

  @Test
  void aModelThatLeavesNoRoomForACacheIsRefusedWithWhatIsShort() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());
    MemoryPlan large = MemoryPlan.of(manifest, settings(1, 0, 0), new RoomFor(1L << 40));
    long rest = large.rankBytes() - large.bytes(MemoryPurpose.KV_CACHE);

    DoesNotFitException refused =
        assertThrows(
            DoesNotFitException.class,
            () -> MemoryPlan.of(manifest, settings(1, 0, 0), new RoomFor(rest / 2)));
    DoesNotFitException tight =
        assertThrows(
            DoesNotFitException.class,
            () -> MemoryPlan.of(manifest, settings(1, 0, 0), new RoomFor(rest + BLOCK_BYTES)));

    String message = refused.getMessage();
    assertTrue(message.startsWith("memory: expected room for "), message);
    assertTrue(message.contains("(weights "), message);
    assertTrue(message.contains("too little; lower --step-tokens, "), message);
    assertFalse(message.contains("-0."), message);
    assertTrue(
        tight.getMessage().contains("at most 60 % (--memory-fraction) of the 0.1 MiB"),
        tight.getMessage());
  }

  @Test
  void cacheBeyondFreeMemoryIsRefused() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());

    DoesNotFitException refused =
        assertThrows(DoesNotFitException.class, () -> plan(manifest, settings(1, 1L << 45, 0)));

    assertTrue(
        refused.getMessage().contains("found 32768.0 GiB (--kv-cache)"), refused.getMessage());
  }

  @Test
  void logitsOfManyRowsAreHeldInPieces() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());
    EngineSettings settings = new EngineSettings("reference", 2, 5, 2048, 0, 0, true, 0, 1000);

    MemoryPlan plan = plan(manifest, settings);

    assertEquals(256, plan.limits().logitRowsMax());
    assertEquals(256 * (256 + 512) * (long) Float.BYTES, plan.bytes(MemoryPurpose.LOGITS));
  }

  @Test
  void unknownArchitectureIsRefusedWithTheKnownOnes() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama().with(m -> m.architecture = "mamba"));

    EngineException refused =
        assertThrows(EngineException.class, () -> plan(manifest, settings(1, 0, 0)));

    assertTrue(
        refused
            .getMessage()
            .contains("expected one of [llama, qwen2, qwen2_vl, qwen3], found mamba"),
        refused.getMessage());
  }

  @Test
  void rankCountThatTheWorkspaceDoesNotServeIsRefused() throws IOException {
    WorkspaceManifest manifest = manifest(TinyModel.llama());

    EngineException refused =
        assertThrows(EngineException.class, () -> plan(manifest, settings(3, 0, 0)));

    assertTrue(refused.getMessage().contains("[1, 2, 4, 8]"), refused.getMessage());
  }
}
