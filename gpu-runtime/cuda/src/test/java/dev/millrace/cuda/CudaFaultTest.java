package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.model.TinyModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What goes wrong on a GPU is said with rank, step and advice, in time. Kernels that fault do so in
 * a process of their own.
 */
@Tag("gpu")
final class CudaFaultTest {
  /** Beyond the deadline: the other ranks' notice, and the error's way. */
  private static final long GRACE_MILLIS = 2000;

  /** Kernels edited for one fault are compiled once. */
  @TempDir private static Path caches;

  @TempDir private Path folder;

  @BeforeEach
  void needsGpu() {
    Gpu.require();
  }

  @ParameterizedTest(name = "{0} on {1} ranks")
  @CsvSource(
      delimiter = '#',
      value = {
        "trap    # 1 # step \\d+: rank 0 failed: .*CUDA_ERROR_\\w+ .*run the job again, finished rows are kept",
        "trap    # 2 # step \\d+: rank \\d failed: .*CUDA_ERROR_\\w+ .*run the job again, finished rows are kept",
        "address # 1 # step \\d+: rank 0 failed: .*CUDA_ERROR_ILLEGAL_ADDRESS .*run the job again, finished rows are kept",
        "hang    # 1 # step \\d+: (rank 0 failed: .*has not finished after 1500 ms; it hangs .*see nvidia-smi|not done after 3000 ms: rank 0 at .*it hangs)",
        "missing # 2 # step \\d+: (rank 0 failed: .*waited 1500 ms for ranks \\[1\\]|not done after 3000 ms: rank 1 at ).*if the machine is only slow",
        "compile # 1 # (loading|step 0): rank 0 failed: .*embed.cu does not compile with nvrtc .*millrace doctor",
      })
  void faultIsNamedInTime(String fault, int ranks, String expected) throws Exception {
    Path workspace = folder.resolve("ws");
    TinyModel.qwen2().write(workspace).close();

    String said = run(fault, ranks, workspace);

    Matcher error = Pattern.compile("ERROR after (\\d+) ms: (.*)", Pattern.DOTALL).matcher(said);
    assertTrue(error.find(), said);
    System.out.println(fault + " on " + ranks + " ranks: " + said.strip());
    assertTrue(
        Pattern.compile(expected, Pattern.DOTALL).matcher(error.group(2)).find(),
        () -> "expected " + expected + ", found " + said);
    long millis = Long.parseLong(error.group(1));
    if (!fault.equals("compile")) { // compiling is not timed
      // A rank in sleep is given up at the step's own deadline, twice as long; closing waits for a
      // hanging kernel to end by itself, up to 6 s.
      long most =
          2 * FaultMain.DEADLINE.toMillis() + GRACE_MILLIS + (fault.equals("hang") ? 6000 : 0);
      assertTrue(millis <= most, () -> "within " + most + " ms: " + said);
    }
  }

  /** The output of a process in which a fault happens. */
  private static String run(String fault, int ranks, Path workspace) throws Exception {
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--add-modules",
                    "jdk.incubator.vector",
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    FaultMain.class.getName(),
                    fault,
                    Integer.toString(ranks),
                    workspace.toString(),
                    caches.resolve(fault).toString()))
            .redirectErrorStream(true)
            .start();
    try {
      byte[] output = process.getInputStream().readAllBytes();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the process does not end");
      return new String(output, StandardCharsets.UTF_8);
    } finally {
      process.destroyForcibly();
    }
  }

  /** A rank's kernel alone: between devices ranks wait on the device, for this long. */
  @Test
  void rankThatDoesNotComeOnTheDeviceIsNamedByTheOther() {
    StepLimits limits = new StepLimits(64, 4, 256, 8, 512, new HeadLayout(1, 1, 64));
    CudaSettings two =
        CudaSettings.defaults().withDevices(List.of(0, 1)).withDeadline(Duration.ofMillis(500));
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    plan.put(MemoryPurpose.SCRATCH, 1L << 40);
    try (CudaBackendFactory factory = new CudaBackendFactory(Gpu.parts(), CudaSettings.defaults());
        CudaBackend backend = (CudaBackend) factory.open(0, 1, limits, plan);
        DeviceArena memory = DeviceArena.open("exchange", 2 * Exchange.bytes(limits, 2));
        DeviceArena values = DeviceArena.open("values", 1024);
        Exchange exchange = new Exchange(two, limits)) {
      exchange.enter(0, memory.take("rank 0", Exchange.bytes(limits, 2)));
      exchange.enter(1, memory.take("rank 1", Exchange.bytes(limits, 2)));
      Arguments arguments = new Arguments();
      exchange.put(arguments.start(), 0).i64(values.take("x", 1024)).i64(512);

      long start = System.nanoTime();
      backend
          .kernels()
          .get(KernelFile.ALL_REDUCE, "all_reduce_bf16")
          .launch(exchange.blocks(), 1, 512, 0, arguments, backend.stream());
      backend.stream().await(Duration.ofSeconds(10));
      long millis = (System.nanoTime() - start) / 1_000_000;

      CudaException late = assertThrows(CudaException.class, () -> exchange.check(0));
      assertTrue(
          late.getMessage().startsWith("rank 0 waited 500 ms on the device for rank 1"),
          late.getMessage());
      assertTrue(millis >= 450 && millis < 500 + GRACE_MILLIS, millis + " ms");
    }
  }

  private static EngineSettings settings(long kvCacheBytes) {
    return new EngineSettings("cuda", 1, 8, 64, kvCacheBytes, 0, true, 0, 20_000);
  }

  @Test
  void cacheThatDoesNotFitIsRefusedWithSizes() throws IOException {
    try (Workspace workspace = TinyModel.llama().write(folder.resolve("ws"))) {
      DoesNotFitException refused =
          assertThrows(
              DoesNotFitException.class,
              () -> CudaExecutor.open(workspace, settings(1L << 43), List.of(0)));
      assertTrue(refused.getMessage().contains("found 8192.0 GiB"), refused.getMessage());
      assertTrue(refused.getMessage().contains("ask for less"), refused.getMessage());
    }
  }

  @Test
  void memoryHeldByOthersIsNotPlannedWith() throws IOException {
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        Workspace workspace = TinyModel.llama().write(folder.resolve("ws"))) {
      try (DeviceArena held = DeviceArena.open("others", context.freeBytes() - (300L << 20))) {
        assertTrue(held.bytes() > 0);
        DoesNotFitException refused =
            assertThrows(
                DoesNotFitException.class,
                () -> CudaExecutor.open(workspace, settings(0), List.of(0)));
        assertTrue(refused.getMessage().contains(" free"), refused.getMessage());
      }
      long before = context.freeBytes();
      CudaExecutor.open(workspace, settings(0), List.of(0)).close();
      context.use();
      long lost = before - context.freeBytes();
      assertTrue(lost <= 64L << 20, () -> lost + " bytes are still taken");
    }
  }

  /** Someone takes the memory between the plan and the taking. */
  @Test
  void memoryTakenAfterThePlanIsNamedWithRankAndAdvice() throws IOException {
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        Workspace workspace = TinyModel.llama().write(folder.resolve("ws"))) {
      long before = context.freeBytes();
      CudaBackendFactory real = new CudaBackendFactory(Gpu.parts(), CudaSettings.defaults());
      EngineException error =
          assertThrows(EngineException.class, () -> OverPlanned.open(workspace, real));
      real.use();
      real.close();
      String message = error.getMessage();
      assertTrue(message.startsWith("loading: rank 0 failed"), message);
      assertTrue(message.contains("CUDA_ERROR_OUT_OF_MEMORY"), message);
      assertTrue(message.contains("ask for a smaller KV cache"), message);
      assertEquals(0, error.getSuppressed().length, "closing after it works");
      context.use();
      long lost = before - context.freeBytes();
      assertTrue(lost <= 64L << 20, () -> lost + " bytes are still taken");
    }
  }
}
