package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.CpuBackendFactory;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.compute.kernel.KernelChoice;
import java.util.List;

/** Resolves {@link EngineSettings#backend}. */
final class BackendChoice {
  static final String CPU = "cpu";
  static final String REFERENCE = "reference";
  private static final List<String> NAMES = List.of("auto", CPU, REFERENCE);

  private BackendChoice() {}

  /**
   * The kind of arithmetic that a setting stands for: {@code cpu} or {@code reference}.
   *
   * @throws EngineException if there is none of that name
   */
  static String family(EngineSettings settings) {
    if (!NAMES.contains(settings.backend())) {
      throw new EngineException(
          "backend: expected one of " + NAMES + ", found '" + settings.backend() + "'; choose one");
    }
    return settings.backend().equals(REFERENCE) ? REFERENCE : CPU;
  }

  /** What opens the backends of all ranks. */
  static BackendFactory open(EngineSettings settings) {
    if (family(settings).equals(REFERENCE)) {
      return new ReferenceBackendFactory();
    }
    int cores =
        settings.threads() == 0 ? Runtime.getRuntime().availableProcessors() : settings.threads();
    return new CpuBackendFactory(KernelChoice.fastest(), cores);
  }
}
