package dev.millrace.jobs.bench;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.LoadPart;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.engine.StepTimes;
import java.lang.management.ManagementFactory;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/** Gathers what a benchmark found; {@code docs/benchmark-command.md} says what each field means. */
final class BenchReport {
  private final Bench.Program program;
  private final BenchSettings settings;
  private final WorkspaceManifest manifest;
  private final Workload workload;
  private final Machine machine;
  private final List<RunResult> runs = new ArrayList<>();
  private List<StepTimes> steps = List.of(); // of the last run
  private EngineInfo engine;
  private EngineStatistics statistics;
  private ObjectNode device = JsonNodeFactory.instance.objectNode();
  private ObjectNode profile; // null if nobody looked
  private String unexplained; // null if nothing went wrong
  private Ceilings ceilings = Ceilings.UNKNOWN;
  private long openNanos;
  private double firstTokenSeconds;
  private double processSeconds; // from the start of the JVM to the end of the first step

  BenchReport(
      Bench.Program program,
      BenchSettings settings,
      WorkspaceManifest manifest,
      Workload workload,
      Machine machine) {
    this.machine = machine;
    this.program = program;
    this.settings = settings;
    this.manifest = manifest;
    this.workload = workload;
  }

  /** An engine is open; the start-up that counts is the first one's. */
  void opened(EngineInfo info, long startNanos, long endNanos) {
    if (engine != null) {
      return;
    }
    engine = info;
    openNanos = endNanos - startNanos;
  }

  /** All rows have come back once more. */
  void ran(RunResult run, List<StepTimes> itsSteps) {
    if (runs.isEmpty()) {
      long first = itsSteps.get(0).commitNanos();
      firstTokenSeconds = (first - run.startNanos()) / 1e9;
      long started = ManagementFactory.getRuntimeMXBean().getStartTime();
      double now = (System.currentTimeMillis() - started) / 1e3;
      processSeconds = now - (System.nanoTime() - first) / 1e9;
    }
    runs.add(run);
    steps = itsSteps;
  }

  /** Steps that a run takes. */
  long stepsOfRun() {
    return steps.size();
  }

  /** The last run is over. */
  void ended(EngineStatistics counters) {
    statistics = counters;
  }

  /** What the device's gauges said. */
  void watched(ObjectNode gauges) {
    device = gauges;
  }

  void profiled(ObjectNode verbs) {
    profile = verbs;
  }

  /** Ceilings or times of verbs could not be had. */
  void unexplained(String why) {
    unexplained = why;
  }

  /** What the device can do at most. */
  void ceilings(Ceilings value) {
    ceilings = value;
  }

  ObjectNode json() {
    RunResult run = runs.get(runs.size() - 1);
    double outputRate = workload.outputTokens() / run.seconds();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    root.put("commit", program.commit());
    root.put("device", machine.device());
    root.put("driver", machine.driver());
    root.put("engine", "millrace " + program.version());
    root.put("backend", engine.backend());
    root.put("model", ModelName.of(manifest));
    root.put("weights", manifest.source().kind() + " " + manifest.source().name());
    root.put("workload", workload.name());
    root.put("rows", workload.size());
    root.put("prompt_tokens", workload.promptTokens());
    root.put("output_tokens", workload.outputTokens());
    root.put("cached_tokens", run.cachedTokens());
    root.put("seconds", StepSummary.rounded(run.seconds(), 1e3));
    root.put("output_tok_s", StepSummary.rounded(outputRate, 10));
    root.put(
        "total_tok_s",
        StepSummary.rounded(
            (workload.promptTokens() + workload.outputTokens()) / run.seconds(), 10));
    root.set("roofline", roofline(run, outputRate));
    root.set("runs", runs());
    root.set("settings", engineSettings());
    root.set("sampling", sampling());
    root.set("startup", startup());
    StepSummary summary = new StepSummary(steps);
    root.set("steps", summary.steps());
    root.put("preemptions", statistics.preemptions());
    root.set("occupancy", summary.occupancy(run.startNanos(), run.endNanos()));
    root.set("memory", memory());
    if (!device.isEmpty()) {
      root.set("gpu", device);
    }
    if (profile != null) {
      root.set("profile", profile);
    }
    if (unexplained != null) {
      root.put("unexplained", unexplained);
    }
    return root;
  }

  private ObjectNode roofline(RunResult run, double outputRate) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("source", ceilings.source());
    if (!ceilings.areKnown()) {
      return node;
    }
    int devices = (int) settings.engine().devicesOfRanks().stream().distinct().count();
    double bound =
        Roofline.of(manifest, settings.engine().kvCacheType())
            .outputTokensPerSecond(
                Math.min(engine.sequencesMax(), workload.size()),
                (double) workload.promptTokens() / workload.size(),
                (double) run.cachedTokens() / workload.size(),
                (double) workload.outputTokens() / workload.size(),
                devices,
                ceilings);
    node.put("bytes_per_second", ceilings.bytesPerSecond());
    node.put("flops_per_second", ceilings.flopsPerSecond());
    node.put("bound_tok_s", StepSummary.rounded(bound, 10));
    node.put("share", StepSummary.rounded(outputRate / bound, 1e4));
    return node;
  }

  private ArrayNode runs() {
    ArrayNode node = JsonNodeFactory.instance.arrayNode();
    for (RunResult run : runs) {
      node.addObject()
          .put("seconds", StepSummary.rounded(run.seconds(), 1e3))
          .put("output_tok_s", StepSummary.rounded(workload.outputTokens() / run.seconds(), 10))
          .put("digest", run.digest());
    }
    return node;
  }

  private ObjectNode engineSettings() {
    EngineSettings chosen = settings.engine();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("tp", chosen.ranks());
    node.put("sequences_max", engine.sequencesMax());
    node.put("step_tokens_max", chosen.stepTokensMax());
    node.put("context_tokens_max", engine.contextTokensMax());
    node.put("prefix_caching", chosen.prefixCache());
    node.put("batch_invariant", chosen.batchInvariant());
    node.put("kv_cache_type", chosen.kvCacheType().label());
    node.put("kv_cache_tokens", engine.kvCacheTokens());
    ArrayNode devices = node.putArray("devices");
    if (chosen.backend().equals(CudaExecutors.FAMILY)) {
      chosen.devicesOfRanks().forEach(devices::add);
    }
    return node;
  }

  private ObjectNode sampling() {
    SamplingSettings chosen = settings.sampling();
    return JsonNodeFactory.instance
        .objectNode()
        .put("temperature", chosen.temperature())
        .put("top_p", chosen.topP())
        .put("top_k", chosen.topK())
        .put("min_p", chosen.minP())
        .put("repetition_penalty", chosen.repetitionPenalty())
        .put("presence_penalty", chosen.presencePenalty())
        .put("frequency_penalty", chosen.frequencyPenalty())
        .put("logprobs", chosen.logprobs());
  }

  private ObjectNode startup() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("open_seconds", StepSummary.rounded(openNanos / 1e9, 1e3));
    node.put("first_step_seconds", StepSummary.rounded(firstTokenSeconds, 1e3));
    node.put("process_to_first_token_seconds", StepSummary.rounded(processSeconds, 1e3));
    boolean held = ceilings.holdUploads();
    if (held) {
      node.put("bus_gb_s", StepSummary.rounded(ceilings.busBytesPerSecond() / 1e9, 100));
      node.put("read_gb_s", StepSummary.rounded(ceilings.readBytesPerSecond() / 1e9, 100));
    }
    ArrayNode parts = node.putArray("parts");
    for (LoadPart part : engine.loadParts()) {
      ObjectNode entry = parts.addObject();
      entry.put("part", part.part());
      entry.put("seconds", StepSummary.rounded(part.nanos() / 1e9, 1e3));
      if (part.bytes() > 0) {
        entry.put("bytes", part.bytes());
        double rate = 1e9 * part.bytes() / part.nanos();
        entry.put("gb_s", StepSummary.rounded(rate / 1e9, 100));
        if (held) {
          entry.put("share", StepSummary.rounded(rate / ceilings.uploadCeiling(rate), 1e4));
        }
      }
    }
    return node;
  }

  private ArrayNode memory() {
    ArrayNode node = JsonNodeFactory.instance.arrayNode();
    for (MemoryEntry entry : engine.memory()) {
      node.addObject()
          .put("purpose", entry.purpose())
          .put("planned_bytes", entry.plannedBytes())
          .put("used_bytes", entry.usedBytes());
    }
    return node;
  }
}
