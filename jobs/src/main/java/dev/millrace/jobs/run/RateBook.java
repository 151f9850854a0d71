package dev.millrace.jobs.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.jobs.report.TimeForecast;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.StagePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.LocalDate;
import java.util.Optional;

/**
 * Remembers how fast each model ran on this machine with each engine setting, so that a plan can
 * say how long a job will take. One small JSON file per model and setting in the cache; the newest
 * run that computed enough wins.
 */
public final class RateBook {
  /** A run of fewer tokens says more about its start than about its rate. */
  private static final long TOKENS_MIN = 1000;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final Clock clock;

  /**
   * The rates of one model with one setting.
   *
   * @param folder where rates are kept
   * @param fingerprint of the model
   */
  public RateBook(Path folder, String fingerprint, EngineSettings settings, Clock clock) {
    String name =
        String.join(
            "-",
            fingerprint.substring(0, 16),
            settings.backend(),
            "tp" + settings.ranks(),
            "batch" + settings.sequencesMax(),
            "threads" + settings.threads());
    this.file = folder.resolve(name + ".json");
    this.clock = clock;
  }

  /** Keeps the rate of a run that has just ended, if it computed enough to tell. */
  public void record(JobReport report) throws IOException {
    EngineStatistics statistics = report.statistics();
    if (statistics == null || statistics.computedTokens() < TOKENS_MIN) {
      return;
    }
    ObjectNode rate =
        JSON.createObjectNode()
            .put("date", LocalDate.now(clock).toString())
            .put("load_seconds", report.seconds().load())
            .put("seconds_per_token", report.seconds().generate() / statistics.computedTokens())
            .put(
                "output_tokens_per_request",
                (double) statistics.outputTokens() / Math.max(1, statistics.requests()));
    Files.createDirectories(file.getParent());
    Path temporary = Files.createTempFile(file.getParent(), "rate-", ".tmp");
    Files.writeString(temporary, rate.toString());
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** How long the rest of a staged job will take, if a run of this model was recorded. */
  public Optional<TimeForecast> expect(StagePlan plan) throws IOException {
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    JsonNode rate = JSON.readTree(file.toFile());
    double load = rate.path("load_seconds").asDouble();
    double perToken = rate.path("seconds_per_token").asDouble();
    double outputPerRequest = rate.path("output_tokens_per_request").asDouble();
    long promptTokens = plan.promptTokens() - plan.sharedPrefixTokens();
    double outputTokens =
        Math.min(outputPerRequest * plan.requests(), (double) plan.outputTokensMax());
    String basis =
        String.format(
            "as fast as the run of %s on this machine, with %.0f tokens an answer as there;"
                + " at most if every answer takes all its tokens",
            rate.path("date").asText(), outputPerRequest);
    return Optional.of(
        new TimeForecast(
            load + perToken * (promptTokens + outputTokens),
            load + perToken * (promptTokens + plan.outputTokensMax()),
            basis));
  }
}
