package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.model.GreedySampler;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.model.TinyModel;
import dev.millrace.engine.step.StepExecutor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Small models on a GPU beside the reference on the CPU; several ranks share the one GPU. */
@Tag("gpu")
final class CudaExecutorTest {
  private static final int VOCABULARY = 101;
  private static final int TOKENS = 150;

  /** Bf16 keeps 8 bits: two layers of it cost a few of a thousand of what logits vary by. */
  private static final double ERROR_MAX = 0.02;

  @TempDir private Path folder;

  record Case(String name, TinyModel model, int ranks) {
    @Override
    public String toString() {
      return name + " on " + ranks + " ranks";
    }
  }

  static Stream<Case> cases() {
    Stream.Builder<Case> cases = Stream.builder();
    for (int ranks : new int[] {1, 2, 4, 8}) {
      cases.add(new Case("llama", TinyModel.llama(), ranks));
      cases.add(new Case("qwen2", TinyModel.qwen2(), ranks));
      cases.add(new Case("qwen3", TinyModel.qwen3(), ranks));
    }
    cases.add(new Case("int4", TinyModel.int4(), 1));
    cases.add(new Case("int4", TinyModel.int4(), 2));
    return cases.build();
  }

  private static EngineSettings settings(int ranks) {
    return new EngineSettings("cuda", ranks, 8, 64, 0, 0, true, 0, 20_000);
  }

  private static int[] tokens(int count) {
    return new Random(5).ints(count, 0, VOCABULARY).toArray();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logProbabilitiesAreThoseOfTheReference(Case c) throws IOException {
    Gpu.parts();
    float[] found;
    float[] expected;
    try (Workspace workspace = write(c.model())) {
      try (StepExecutor executor =
          CudaExecutor.open(workspace, settings(c.ranks()), Gpu.devices(c.ranks()))) {
        found = new StepDriver(executor, 64).score(tokens(TOKENS), 37);
        float[] again = new StepDriver(executor, 64).score(tokens(TOKENS), 37);
        assertArrayEquals(found, again, "the same steps give the same bits");
      }
      try (StepExecutor reference =
          RankedExecutor.openOnHost(
              workspace,
              settings(1).withBackend("reference"),
              new ReferenceBackendFactory(),
              () -> new GreedySampler(VOCABULARY))) {
        expected = new StepDriver(reference, 64).score(tokens(TOKENS), 37);
      }
    }
    double error = error(found, expected);
    assertTrue(error <= ERROR_MAX, c + ": error of log-probabilities " + error);
    System.out.printf("%s: error of log-probabilities %.4f%n", c, error);
  }

  /** Root of the mean squared difference, over the deviation of what is expected. */
  private static double error(float[] found, float[] expected) {
    double mean = 0;
    for (float x : expected) {
      mean += x / expected.length;
    }
    double differences = 0;
    double deviations = 0;
    for (int i = 0; i < expected.length; i++) {
      differences += (found[i] - expected[i]) * (double) (found[i] - expected[i]);
      deviations += (expected[i] - mean) * (expected[i] - mean);
    }
    return Math.sqrt(differences / deviations);
  }

  @Test
  void recordedStepsGiveTheBitsOfStepsAsTheyCome() throws IOException {
    Gpu.parts();
    List<StepDriver.Task> tasks = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      tasks.add(new StepDriver.Task(tokens(20 + 9 * i), 90, Set.of()));
    }
    List<StepDriver.Generated> recorded;
    List<StepDriver.Generated> plain;
    try (Workspace workspace = write(TinyModel.qwen2())) {
      CudaSettings cuda = CudaSettings.defaults();
      try (StepExecutor executor = CudaExecutor.open(workspace, settings(1), cuda)) {
        recorded = new StepDriver(executor, 64).generate(tasks, 5, 32);
      }
      try (StepExecutor executor =
          CudaExecutor.open(workspace, settings(1), cuda.withGraphs(false))) {
        plain = new StepDriver(executor, 64).generate(tasks, 5, 32);
      }
    }
    for (int i = 0; i < tasks.size(); i++) {
      assertArrayEquals(plain.get(i).tokenIds(), recorded.get(i).tokenIds(), "task " + i);
      assertArrayEquals(plain.get(i).logprobs(), recorded.get(i).logprobs(), "task " + i);
    }
  }

  @Test
  void memoryIsThePlanAndAllOfItIsGivenBack() throws IOException {
    Gpu.parts();
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        Workspace workspace = write(TinyModel.llama())) {
      long before = context.freeBytes();
      try (CudaExecutor executor = CudaExecutor.open(workspace, settings(2), Gpu.devices(2))) {
        new StepDriver(executor, 64).score(tokens(TOKENS), 37);
        for (MemoryEntry entry : executor.memory()) {
          if (entry.purpose().equals("driver")) {
            continue; // measured, not taken: CudaFootprintTest holds it to the plan from outside
          }
          assertEquals(entry.plannedBytes(), entry.usedBytes(), entry::toString);
        }
      }
      context.use();
      long lost = before - context.freeBytes();
      assertTrue(lost <= 64L << 20, lost + " bytes are still taken");
    }
  }

  private Workspace write(TinyModel model) throws IOException {
    Path path = folder.resolve("ws");
    model.write(path).close();
    return Workspace.open(path);
  }
}
