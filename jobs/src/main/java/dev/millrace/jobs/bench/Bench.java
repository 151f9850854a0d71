package dev.millrace.jobs.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.VerbTimes;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.StepTimes;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.util.List;

/** Runs a workload and prints one line of JSON; everything else goes to standard error. */
public final class Bench {
  private final Console console;
  private final BenchEngines engines;
  private final Program program;

  /**
   * @param program what is measured
   */
  public Bench(Console console, BenchEngines engines, Program program) {
    this.console = console;
    this.engines = engines;
    this.program = program;
  }

  /**
   * The program that is measured.
   *
   * @param version for example {@code 0.1.0}
   * @param commit it was built from, or {@code unknown}
   */
  public record Program(String version, String commit) {}

  /** Measures and prints. */
  public void run(BenchSettings settings) throws IOException {
    WorkspaceManifest manifest;
    try (Workspace workspace = Workspace.open(settings.workspace())) {
      manifest = workspace.manifest();
    }
    Workload workload = settings.workload().forVocabulary(manifest.shape().vocabularySize());
    Machine machine = Machine.here(settings.engine());
    BenchReport report = new BenchReport(program, settings, manifest, workload, machine);
    console.notice(
        "Loading %s for %,d rows of %s."
            .formatted(ModelName.of(manifest), workload.size(), workload.name()));
    try {
      // what an engine remembers of a prompt must not make the next run of it faster
      int runsOfAnEngine = settings.engine().prefixCache() ? 1 : settings.repeats();
      for (int done = 0; done < settings.repeats(); done += runsOfAnEngine) {
        measure(settings, workload, runsOfAnEngine, report, new GpuWatch(machine.gauges()));
      }
      explain(settings, workload, report);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(
          ExitCode.INTERRUPTED, "Interrupted while measuring", "Run the same command again.", e);
    }
    print(report);
  }

  private void measure(
      BenchSettings settings, Workload workload, int runs, BenchReport report, GpuWatch gpu)
      throws InterruptedException {
    StepLog log = new StepLog();
    long opening = System.nanoTime();
    try (Engine engine = engines.open(settings.workspace(), settings.engine(), log)) {
      report.opened(engine.info(), opening, System.nanoTime());
      gpu.start();
      for (int run = 0; run < runs; run++) {
        RunResult result =
            new WorkloadRun(workload, settings.sampling()).run(engine, this::progress);
        List<StepTimes> steps = log.take();
        report.ran(result, steps);
        console.notice(
            "Ran in %.2f s: %,.0f output tokens/s, %,d steps."
                .formatted(
                    result.seconds(), workload.outputTokens() / result.seconds(), steps.size()));
      }
      report.ended(engine.statistics());
    } finally {
      gpu.close();
    }
    gpu.closed();
    report.watched(gpu.json());
  }

  /** What makes figures easier to read; they stand without it. */
  private void explain(BenchSettings settings, Workload workload, BenchReport report)
      throws IOException, InterruptedException {
    try {
      report.ceilings(
          settings.ceilings().isPresent()
              ? settings.ceilings().get()
              : Machine.ceilings(settings.engine(), settings.workspace()));
      profile(settings, workload, report);
    } catch (CommandException | EngineException | CudaException e) {
      console.notice("The run itself is measured, but not explained: " + e.getMessage() + ".");
      report.unexplained(e.getMessage());
    }
  }

  /** One more run, in which some steps are timed verb by verb. */
  private void profile(BenchSettings settings, Workload workload, BenchReport report)
      throws InterruptedException {
    if (settings.profileSteps() == 0) {
      return;
    }
    VerbTimes times =
        new VerbTimes((int) Math.max(1, report.stepsOfRun() / settings.profileSteps()));
    console.notice("Running once more, to time some steps verb by verb.");
    try (Engine engine = engines.openProfiled(settings.workspace(), settings.engine(), times)) {
      new WorkloadRun(workload, settings.sampling()).run(engine, this::progress);
    }
    report.profiled(VerbProfile.json(times));
  }

  private void progress(long rows, double seconds) {
    console.notice("  %,d rows done after %.0f s".formatted(rows, seconds));
  }

  private void print(BenchReport report) throws JsonProcessingException {
    console.out().println(new ObjectMapper().writeValueAsString(report.json()));
    console.out().flush();
  }
}
