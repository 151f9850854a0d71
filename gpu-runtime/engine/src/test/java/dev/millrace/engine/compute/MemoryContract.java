package dev.millrace.engine.compute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.KvCacheType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a backend takes is what its factory said, and all of it is given back. */
public interface MemoryContract extends BackendUnderTest {
  StepLimits LIMITS = new StepLimits(65, 3, 130, 5, 576, new HeadLayout(2, 3, 8));

  private Map<MemoryPurpose, Long> plan() {
    return plan(KvCacheType.AUTO);
  }

  private Map<MemoryPurpose, Long> plan(KvCacheType cacheType) {
    DType type = factory().activationType();
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    plan.put(MemoryPurpose.SCRATCH, factory().scratchBytes(LIMITS, 1));
    plan.put(MemoryPurpose.ACTIVATIONS, factory().tensorBytes(type, 65, 172));
    plan.put(MemoryPurpose.LOGITS, factory().tensorBytes(DType.F32, 5, 576));
    plan.put(MemoryPurpose.KV_CACHE, factory().kvCacheBytes(2, 7, LIMITS.heads(), cacheType));
    plan.put(
        MemoryPurpose.WEIGHTS,
        factory().weightBytes(WeightShape.outputMajor(DType.BF16, 172, 64))
            + factory()
                .weightBytes(new WeightShape(DType.F16, WeightLayout.INT4_TILES, 64, 256, 2)));
    return plan;
  }

  @ParameterizedTest
  @EnumSource(KvCacheType.class)
  default void takenBytesAreThePlannedBytes(KvCacheType cacheType) {
    Map<MemoryPurpose, Long> plan = plan(cacheType);
    Random random = new Random(1);
    DType type = factory().activationType();
    Backend backend = factory().open(0, 1, LIMITS, plan);
    Allocation[] out = {
      backend.allocate(MemoryPurpose.ACTIVATIONS, "x", type, 65, 172),
      backend.allocate(MemoryPurpose.LOGITS, "logits", DType.F32, 5, 576),
      backend.allocateKvCache("kv", 2, 7, LIMITS.heads(), cacheType),
      backend.upload(
          TestWeight.dense("w", DType.BF16, WeightLayout.OUTPUT_MAJOR, 172, 64, random).data()),
      backend.upload(TestWeight.int4("v", DType.F16, 64, 256, 2, random).data())
    };
    plan.forEach(
        (purpose, bytes) ->
            assertEquals(bytes, backend.memory().takenBytes(purpose), purpose::label));

    for (Allocation allocation : out) {
      backend.release(allocation);
    }
    backend.close();
    backend.close();
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      assertEquals(0, backend.memory().takenBytes(purpose), purpose::label);
    }
  }

  @Test
  default void takingMoreThanPlannedIsRefusedWithSizes() {
    try (Backend backend = factory().open(0, 1, LIMITS, plan())) {
      DType type = factory().activationType();
      IllegalStateException refused =
          assertThrows(
              IllegalStateException.class,
              () -> backend.allocate(MemoryPurpose.ACTIVATIONS, "x", type, 65, 2 * 172));
      assertTrue(refused.getMessage().contains("activations for x"), refused.getMessage());
    }
  }

  @Test
  default void closingListsWhatIsOut() {
    Backend backend = factory().open(0, 1, LIMITS, plan());
    Tensor x = backend.allocate(MemoryPurpose.LOGITS, "logits", DType.F32, 5, 576);

    IllegalStateException refused = assertThrows(IllegalStateException.class, backend::close);

    assertTrue(
        refused.getMessage().contains("logits (logits, %d bytes)".formatted(x.bytes())),
        refused.getMessage());
  }

  @Test
  default void givingBackTwiceIsRefused() {
    try (Backend backend = factory().open(0, 1, LIMITS, plan())) {
      Tensor x = backend.allocate(MemoryPurpose.LOGITS, "logits", DType.F32, 5, 576);
      backend.release(x);
      assertThrows(IllegalStateException.class, () -> backend.release(x));
    }
  }

  @Test
  default void wrongShapesAreRefused() {
    try (BackendFixture fixture = BackendFixture.open(factory())) {
      Tensor x = fixture.input("x", 8, fixture.rows(3, 8));
      Tensor y = fixture.output("y", 3, 8);
      Weight weight =
          fixture.upload(
              TestWeight.dense("w", DType.F32, WeightLayout.OUTPUT_MAJOR, 8, 9, fixture.random));
      assertThrows(IllegalArgumentException.class, () -> fixture.backend.matmul(x, weight, y, 3));
      assertThrows(IllegalArgumentException.class, () -> fixture.backend.add(x, y, x.rows() + 1));
    }
  }
}
