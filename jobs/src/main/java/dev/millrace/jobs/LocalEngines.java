package dev.millrace.jobs;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.cuda.CudaPresence;
import dev.millrace.cuda.VerbTimes;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.engine.ExecutorProvider;
import dev.millrace.engine.HostExecutors;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.engine.StepListener;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.bench.BenchEngines;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.run.EngineFactories;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** The engines of this program: in its own JVM, on GPUs where there are some, else on the CPU. */
final class LocalEngines implements EngineFactories, BenchEngines {
  private static final String AUTO = "auto";

  private final Function<List<Integer>, CudaPresence> look;

  LocalEngines() {
    this(CudaPresence::look);
  }

  /**
   * @param look tells whether GPUs can be used
   */
  LocalEngines(Function<List<Integer>, CudaPresence> look) {
    this.look = look;
  }

  @Override
  public EngineFactory of(Path workspace, EngineSettings settings, TextSettings text) {
    EngineSettings chosen = chosen(settings);
    return executors(chosen) instanceof CudaExecutors
        ? new GpuEngineFactory(
            workspace.toAbsolutePath().toString(), chosen, text, CudaDevices::find)
        : factory(workspace, chosen, text);
  }

  @Override
  public EngineInfo plan(Path workspace, EngineSettings settings) {
    return factory(workspace, settings, TextSettings.defaults()).plan();
  }

  @Override
  public Engine open(Path workspace, EngineSettings settings, StepListener listener) {
    return factory(workspace, settings, TextSettings.defaults()).openEngine(listener);
  }

  @Override
  public Engine openProfiled(Path workspace, EngineSettings settings, VerbTimes times) {
    return new LocalEngineFactory(
            workspace.toAbsolutePath().toString(),
            settings,
            TextSettings.defaults(),
            CudaExecutors.profiled(times))
        .openEngine();
  }

  @Override
  public MemoryProbe probe(EngineSettings settings) {
    return executors(settings).probe(settings);
  }

  @Override
  public Choice chooseForOthers(EngineSettings settings) {
    if (asksForGpus(settings) || !settings.backend().equals(AUTO)) {
      return new Choice(executors(settings).complete(settings), Optional.empty());
    }
    if (settings.deviceMemoryBytes() > 0) {
      return new Choice(new CudaExecutors().complete(settings), Optional.empty());
    }
    Choice here = choose(settings);
    return new Choice(
        here.settings(),
        here.notice()
            .map(
                notice -> notice + " Workers do as this machine would; --backend says otherwise."));
  }

  private static boolean asksForGpus(EngineSettings settings) {
    return settings.backend().equals(CudaExecutors.FAMILY) || !settings.devices().isEmpty();
  }

  @Override
  public Choice choose(EngineSettings settings) {
    boolean asksForGpus = asksForGpus(settings);
    if (asksForGpus && settings.deviceMemoryBytes() == 0) {
      CudaPresence presence = look.apply(settings.devicesOfRanks());
      presence
          .problem()
          .ifPresent(
              problem -> {
                throw CommandException.usage(
                    "No GPU can be used: " + problem,
                    "Use --backend cpu; to plan for a GPU elsewhere, say --gpu-memory 80GiB.");
              });
    }
    if (asksForGpus || !settings.backend().equals(AUTO)) {
      return new Choice(executors(settings).complete(settings), Optional.empty());
    }
    CudaPresence presence = look.apply(settings.devicesOfRanks());
    if (presence.isUsable()) {
      return new Choice(
          new CudaExecutors().complete(settings),
          Optional.of("Running on " + presence.devices().get(0) + others(presence) + "."));
    }
    if (settings.deviceMemoryBytes() > 0) {
      return new Choice(
          new CudaExecutors().complete(settings),
          presence
              .problem()
              .map(
                  problem ->
                      "Planning for GPUs elsewhere, as --gpu-memory says: " + problem + "."));
    }
    return new Choice(
        HostExecutors.CPU.complete(settings),
        presence.problem().map(problem -> "Running on the CPU: " + problem + "."));
  }

  private static String others(CudaPresence presence) {
    int count = presence.devices().size() - 1;
    return count == 0 ? "" : " and %d more".formatted(count);
  }

  private LocalEngineFactory factory(Path workspace, EngineSettings settings, TextSettings text) {
    EngineSettings chosen = chosen(settings);
    return new LocalEngineFactory(
        workspace.toAbsolutePath().toString(), chosen, text, executors(chosen));
  }

  private EngineSettings chosen(EngineSettings settings) {
    return settings.backend().equals(AUTO) ? choose(settings).settings() : settings;
  }

  private static ExecutorProvider executors(EngineSettings settings) {
    return asksForGpus(settings) ? new CudaExecutors() : HostExecutors.of(settings);
  }
}
