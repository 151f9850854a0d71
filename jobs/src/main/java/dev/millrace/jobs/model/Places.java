package dev.millrace.jobs.model;

import dev.millrace.jobs.console.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Folders of this installation and its user.
 *
 * @param cache converted models, measured rates and start-up archives; may be deleted at any time
 * @param sampleModel the sample model's checkpoint, or null if it was not found
 */
public record Places(Path cache, Path sampleModel) {
  /** Set by the launcher. */
  private static final String HOME_PROPERTY = "millrace.home";

  private static final Path SAMPLE_MODEL = Path.of("sample-data", "models", "tiny-qwen2.5");

  /**
   * {@code MILLRACE_CACHE}, else {@code XDG_CACHE_HOME/millrace}, else {@code ~/.cache/millrace};
   * the sample model of the distribution, else that of the source checkout around the working
   * directory.
   */
  public static Places of(Console console) {
    return new Places(cache(console), findSampleModel().orElse(null));
  }

  private static Path cache(Console console) {
    String own = console.variable("MILLRACE_CACHE");
    if (own != null) {
      return Path.of(own);
    }
    String shared = console.variable("XDG_CACHE_HOME");
    Path base =
        shared != null ? Path.of(shared) : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("millrace");
  }

  private static Optional<Path> findSampleModel() {
    String home = System.getProperty(HOME_PROPERTY);
    Path folder = home != null ? Path.of(home) : Path.of("").toAbsolutePath();
    while (folder != null) {
      Path candidate = folder.resolve(SAMPLE_MODEL);
      if (Files.isRegularFile(candidate.resolve("config.json"))) {
        return Optional.of(candidate);
      }
      folder = folder.getParent();
    }
    return Optional.empty();
  }
}
