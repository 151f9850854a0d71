package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.engine.text.TextSettings;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/** Makes engines of workspaces. The one place where an engine is chosen implements it. */
public interface EngineFactories {

  /**
   * Settings with nothing left open: which backend, which GPUs, how large a batch.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if GPUs are asked for that cannot be used
   */
  Choice choose(EngineSettings settings);

  /** The same for engines on other machines, which may have GPUs where this one has none. */
  Choice chooseForOthers(EngineSettings settings);

  /**
   * What was chosen.
   *
   * @param settings complete ones
   * @param notice what was chosen for the user and why, one sentence; empty if the user chose
   */
  record Choice(EngineSettings settings, Optional<String> notice) {
    public Choice {
      Objects.requireNonNull(settings, "settings");
      Objects.requireNonNull(notice, "notice");
    }
  }

  /** A factory of engines of this workspace that read prompts so. */
  EngineFactory of(Path workspace, EngineSettings settings, TextSettings text);

  /** The same with prompts read as {@link TextSettings#defaults} says. */
  default EngineFactory of(Path workspace, EngineSettings settings) {
    return of(workspace, settings, TextSettings.defaults());
  }

  /**
   * What an engine would take, without opening it.
   *
   * @throws dev.millrace.api.engine.EngineException if the settings do not allow it
   * @throws dev.millrace.api.engine.DoesNotFitException if it would not fit, with the sizes
   */
  EngineInfo plan(Path workspace, EngineSettings settings);

  /** Looks at the memory of the devices that complete settings name. */
  default MemoryProbe probe(EngineSettings settings) {
    return MemoryProbe.NONE;
  }
}
