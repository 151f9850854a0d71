package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.model.TinyModel;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a process takes of GPUs and of the processor, as nvidia-smi and the system see it. Nothing
 * else may use the GPUs meanwhile.
 */
@Tag("gpu")
final class CudaFootprintTest {
  private static final long MIB = 1L << 20;
  private static final long KV_BYTES = 8L << 30;
  private static final double PLAN_ERROR_MAX = 0.02;
  private static final long LEFT_BYTES_MAX = 64 * MIB;
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final double IDLE_CORE_SHARE_MAX = 0.01;

  @TempDir private Path folder;

  @ParameterizedTest(name = "{0} ranks")
  @ValueSource(ints = {1, 2})
  void memoryIsThePlanFromOutside(int ranks) throws Exception {
    try (Subject subject = start(ranks)) {
      subject.until("READY");
      long before = usedBytes();

      subject.until("LOADED");
      long loaded = usedBytes() - before;
      subject.until("RAN");
      long ran = usedBytes() - before;
      subject.until("CLOSED");
      long closed = usedBytes() - before;

      long planned = subject.planned.values().stream().mapToLong(Long::longValue).sum();
      System.out.printf(
          "memory, %d ranks: planned %d MiB %s, on the card %d loaded, %d at the end, %d closed%n",
          ranks, planned / MIB, inMib(subject.planned), loaded / MIB, ran / MIB, closed / MIB);
      assertTrue(Math.abs(loaded - planned) <= PLAN_ERROR_MAX * planned, "loaded: " + loaded);
      assertTrue(Math.abs(ran - planned) <= PLAN_ERROR_MAX * planned, "at the end: " + ran);
      assertTrue(closed <= LEFT_BYTES_MAX, () -> closed + " bytes are still taken");
    }
  }

  private static Map<String, Long> inMib(Map<String, Long> bytes) {
    Map<String, Long> mib = new TreeMap<>();
    bytes.forEach((purpose, value) -> mib.put(purpose, value / MIB));
    return mib;
  }

  @Test
  void loadedWithoutWorkItUsesNeitherGpuNorProcessor() throws Exception {
    try (Subject subject = start(2)) {
      subject.until("READY");
      subject.until("LOADED");
      subject.until("RAN"); // compiled and warm
      Thread.sleep(2000);
      Duration before = subject.processorTime();
      long start = System.nanoTime();
      int busiest = 0;
      for (int i = 0; i < 5; i++) {
        Thread.sleep(IDLE.dividedBy(5).toMillis());
        for (long percent : query("utilization.gpu")) {
          busiest = Math.max(busiest, (int) percent);
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      double share = subject.processorTime().minus(before).toNanos() / 1e9 / seconds;
      System.out.printf("idle: GPU %d %%, %.2f %% of a core%n", busiest, 100 * share);
      assertEquals(0, busiest, "GPU utilization in percent");
      assertTrue(share < IDLE_CORE_SHARE_MAX, () -> "share of a core: " + share);
    }
  }

  private Subject start(int ranks) throws IOException {
    Gpu.require();
    Path workspace = folder.resolve("ws");
    TinyModel.llama().write(workspace).close();
    return new Subject(ranks, workspace);
  }

  private static long usedBytes() throws Exception {
    return LongStream.of(query("memory.used")).sum() * MIB;
  }

  /** Of each device that ranks of these tests may be on. */
  private static long[] query(String field) throws Exception {
    Process process =
        new ProcessBuilder(
                "nvidia-smi",
                "--id=" + list(Gpu.devices(2).stream().distinct()),
                "--query-gpu=" + field,
                "--format=csv,noheader,nounits")
            .start();
    String lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), lines);
    return lines.lines().map(String::strip).mapToLong(Long::parseLong).toArray();
  }

  private static String list(Stream<Integer> devices) {
    return devices.map(String::valueOf).collect(Collectors.joining(","));
  }

  /** A {@link FootprintMain}. */
  private static final class Subject implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;
    private final BufferedWriter input;
    private final List<String> lines = new ArrayList<>();
    private final Map<String, Long> planned = new TreeMap<>();

    Subject(int ranks, Path workspace) throws IOException {
      process =
          new ProcessBuilder(
                  List.of(
                      Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                      "--add-modules",
                      "jdk.incubator.vector",
                      "-XX:+UseSerialGC",
                      "-cp",
                      System.getProperty("java.class.path"),
                      FootprintMain.class.getName(),
                      list(Gpu.devices(ranks).stream()),
                      Long.toString(KV_BYTES),
                      workspace.toString()))
              .redirectErrorStream(true)
              .start();
      output =
          new BufferedReader(
              new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      input =
          new BufferedWriter(
              new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    }

    /** Lets it go on, and waits until it says this. */
    void until(String word) throws IOException {
      if (!word.equals("READY")) {
        input.write("go\n");
        input.flush();
      }
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        lines.add(line);
        if (line.startsWith("PLAN ")) {
          String[] fields = line.split(" ", -1);
          planned.put(fields[1], Long.parseLong(fields[2]));
        }
        if (line.equals(word)) {
          return;
        }
      }
      throw new IOException("it ended before " + word + ": " + String.join("\n", lines));
    }

    Duration processorTime() {
      return process.info().totalCpuDuration().orElseThrow();
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }
}
