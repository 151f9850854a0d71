package dev.millrace.cuda;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.model.StepDriver;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A process whose use of GPUs is looked at from outside: {@code FootprintMain DEVICES KV_BYTES
 * WORKSPACE} loads a model with a rank for each of the devices (as {@code 0,1}), runs it, closes
 * it, and waits for a line of input after each.
 */
final class FootprintMain {
  private static final int VOCABULARY = 101;

  private FootprintMain() {}

  public static void main(String[] arguments) throws IOException {
    List<Integer> devices = Stream.of(arguments[0].split(",")).map(Integer::valueOf).toList();
    int ranks = devices.size();
    EngineSettings settings =
        new EngineSettings(
            "cuda", ranks, 64, 512, Long.parseLong(arguments[1]), 0, true, 0, 20_000);
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Workspace workspace = Workspace.open(Path.of(arguments[2]))) {
      tell("READY", input);
      try (CudaExecutor executor = CudaExecutor.open(workspace, settings, devices)) {
        for (MemoryEntry entry : executor.memory()) {
          System.out.printf(
              "PLAN %s %d %d%n",
              entry.purpose(), ranks * entry.plannedBytes(), ranks * entry.usedBytes());
        }
        tell("LOADED", input);
        run(executor);
        tell("RAN", input);
      }
      tell("CLOSED", input);
    }
  }

  /** Every size of batch, so that all there is to record is recorded. */
  private static void run(CudaExecutor executor) {
    List<StepDriver.Task> tasks = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      int[] prompt = new Random(i).ints(5 + i, 0, VOCABULARY).toArray();
      tasks.add(new StepDriver.Task(prompt, 10 + 2 * i, Set.of()));
    }
    new StepDriver(executor, 512).generate(tasks, 64, 64);
  }

  private static void tell(String word, BufferedReader input) throws IOException {
    System.out.println(word);
    System.out.flush();
    if (input.readLine() == null) {
      throw new IOException("nobody looks any more");
    }
  }
}
