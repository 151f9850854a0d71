package dev.millrace.pipeline.host;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.PromptEncoder;
import java.util.Objects;

/** Opens the engines of another factory in a process of their own. */
public final class ProcessEngineFactory implements EngineFactory {
  private static final long serialVersionUID = 1L;

  private final EngineFactory hosted;
  private final HostSettings settings;

  public ProcessEngineFactory(EngineFactory hosted, HostSettings settings) {
    this.hosted = Objects.requireNonNull(hosted, "hosted");
    this.settings = Objects.requireNonNull(settings, "settings");
  }

  /** That of the hosted factory: where an engine runs changes no token. */
  @Override
  public String fingerprint() {
    return hosted.fingerprint();
  }

  @Override
  public String modelFingerprint() {
    return hosted.modelFingerprint();
  }

  /** Opens it in this process: it is cheap and needs no device. */
  @Override
  public PromptEncoder openPromptEncoder() {
    return hosted.openPromptEncoder();
  }

  /**
   * Joins the engine's process if this worker has one already, or starts it.
   *
   * @throws dev.millrace.pipeline.generate.EngineUnavailableException if it cannot be started now
   * @throws dev.millrace.api.engine.EngineException if the model in it cannot be opened
   */
  @Override
  public Engine openEngine() {
    return new EngineConnector(hosted, settings).connect();
  }
}
