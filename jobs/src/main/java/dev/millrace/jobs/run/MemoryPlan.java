package dev.millrace.jobs.run;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.jobs.report.MemoryForecast;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Asks the engine's own plan what each rank count would take. */
public final class MemoryPlan {
  private final EngineFactories engines;
  private final Path workspace;
  private final EngineSettings settings;
  private final WorkspaceManifest manifest;

  /** A plan of one workspace. */
  public MemoryPlan(
      EngineFactories engines,
      Path workspace,
      EngineSettings settings,
      WorkspaceManifest manifest) {
    this.engines = engines;
    this.workspace = workspace;
    this.settings = settings;
    this.manifest = manifest;
  }

  /** The rank count asked for. */
  public MemoryForecast chosen() {
    return forecast(settings.ranks());
  }

  /** All others up to the largest the workspace knows of, refused ones with the reason. */
  List<MemoryForecast> others() {
    List<MemoryForecast> others = new ArrayList<>();
    for (int ranks : manifest.supportedRanks()) {
      if (ranks != settings.ranks()) {
        others.add(forecast(ranks));
      }
    }
    for (RankRefusal refusal : manifest.refusedRanks()) {
      others.add(new MemoryForecast(refusal.ranks(), List.of(), refusal.reason()));
    }
    others.sort(Comparator.comparingInt(MemoryForecast::ranks));
    return others;
  }

  private MemoryForecast forecast(int ranks) {
    try {
      EngineInfo plan = engines.plan(workspace, settings.withRanks(ranks));
      return new MemoryForecast(ranks, plan.memory(), null, plan.kvCacheTokens());
    } catch (DoesNotFitException | EngineException e) {
      return new MemoryForecast(ranks, List.of(), e.getMessage());
    }
  }
}
