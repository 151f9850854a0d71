package dev.millrace.cuda;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.LoadPart;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.cuda.kernel.EditedKernels;
import dev.millrace.cuda.kernel.KernelCompiler;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.matmul.CublasLt;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.rank.HeapCollective;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * A process in which a fault happens, because a kernel that faults takes its process's GPU with it:
 * {@code FaultMain FAULT RANKS WORKSPACE CACHE}. Prints the error, the milliseconds from the first
 * step to it, and how closing ended.
 */
final class FaultMain {
  static final Duration DEADLINE = Duration.ofMillis(1500);

  /** A hanging kernel ends by itself some time after the deadline, so that nothing is left. */
  private static final String SPIN =
      "u64 start = nanoseconds(); while (nanoseconds() - start < 6000000000ull) {}";

  private static final int VOCABULARY = 101;

  /** Of one prompt's decode steps. */
  private static final String WHEN_DECODING = " if (gridDim.x == 1) { %s }";

  private FaultMain() {}

  public static void main(String[] arguments) throws IOException {
    String fault = arguments[0];
    int ranks = Integer.parseInt(arguments[1]);
    CudaLibraries libraries = CudaLibraries.find();
    CacheFolder cache = new CacheFolder(Path.of(arguments[3]));
    KernelCompiler compiler =
        EditedKernels.open(libraries, cache, KernelFile.EMBED, source -> edit(fault, source));
    CudaParts parts = new CudaParts(CudaDevices.find(), cache, compiler, CublasLt.load(libraries));
    CudaSettings cuda =
        CudaSettings.defaults().withDevices(Collections.nCopies(ranks, 0)).withDeadline(DEADLINE);
    EngineSettings settings =
        new EngineSettings("cuda", ranks, 4, 64, 0, 0, true, 0, 2 * DEADLINE.toMillis());
    List<Collective> hosts = new ArrayList<>(HeapCollective.group(ranks, DEADLINE));
    if (fault.equals("missing")) {
      hosts.set(ranks - 1, new MissingRank(hosts.get(ranks - 1), 40));
    }
    long start = System.nanoTime();
    try (Workspace workspace = Workspace.open(Path.of(arguments[2]))) {
      CudaExecutor executor =
          CudaExecutor.open(
              workspace,
              settings,
              cuda,
              Optional.empty(),
              new CudaExecutor.Shared(parts, new LoadPart("parts", 0, 0), hosts));
      int[] prompt = RandomGenerator.of("Random").ints(20, 0, VOCABULARY).toArray();
      StepDriver driver = new StepDriver(executor, 64);
      // compiles kernels and chooses algorithms; fails already where the fault is one of these
      driver.score(prompt, 64);
      start = System.nanoTime();
      try {
        driver.generate(List.of(new StepDriver.Task(prompt, 30, Set.of())), 1, 64);
        System.out.println("NOTHING HAPPENED");
      } finally {
        try {
          executor.close();
          System.out.println("CLOSED");
        } catch (RuntimeException e) {
          System.out.println("CLOSING " + e.getMessage());
        }
      }
    } catch (EngineException e) {
      System.out.printf("ERROR after %d ms: %s%n", (System.nanoTime() - start) / 1_000_000, e);
    }
    // What a driver with a lost context may do in exit hooks is not what is asked here.
    System.out.flush();
    Runtime.getRuntime().halt(0);
  }

  private static String edit(String fault, String source) {
    String begin = "(?s)(void embed_f32\\([^{]*\\{)";
    return switch (fault) {
      case "trap" ->
          source.replaceFirst(begin, "$1" + WHEN_DECODING.formatted("asm volatile(\"trap;\");"));
      case "address" ->
          source.replaceFirst(begin, "$1" + WHEN_DECODING.formatted("*(volatile int*)64 = 1;"));
      case "hang" -> source.replaceFirst(begin, "$1" + WHEN_DECODING.formatted(SPIN));
      case "compile" -> source + "\nthis is no C++;\n";
      default -> source;
    };
  }

  /** A rank whose thread goes missing at one of its meetings. */
  private static final class MissingRank implements Collective {
    private final Collective own;
    private int meetingsLeft;

    MissingRank(Collective own, int meetings) {
      this.own = own;
      meetingsLeft = meetings;
    }

    @Override
    public int rank() {
      return own.rank();
    }

    @Override
    public int ranks() {
      return own.ranks();
    }

    @Override
    public void allReduce(Tensor x, int rows) {
      own.allReduce(x, rows);
    }

    @Override
    public void allGather(Tensor part, Tensor whole, int rows) {
      own.allGather(part, whole, rows);
    }

    @Override
    public void barrier() {
      if (--meetingsLeft == 0) {
        try {
          Thread.sleep(60_000);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      own.barrier();
    }

    @Override
    public void poison(Throwable error) {
      own.poison(error);
    }
  }
}
