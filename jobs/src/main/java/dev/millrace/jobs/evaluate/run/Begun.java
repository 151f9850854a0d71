package dev.millrace.jobs.evaluate.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A night that has begun: what {@code begun.json} says, so that the same night goes on after a
 * crash.
 *
 * @param nightId its id
 * @param started when it first began
 * @param specFingerprint of the spec it began with
 * @param reuse whether answers of earlier nights count, decided when it began
 */
record Begun(String nightId, Instant started, String specFingerprint, boolean reuse) {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Begun read(Path file) throws IOException {
    JsonNode json = JSON.readTree(file.toFile());
    return new Begun(
        json.path("night_id").asText(),
        Instant.parse(json.path("started").asText()),
        json.path("spec_fingerprint").asText(),
        json.path("reuse").asBoolean());
  }

  /**
   * The night of an id: as it began before, if it did, or begun now.
   *
   * @throws CommandException if it began with another spec or another choice of reuse
   */
  static Begun of(
      String nightId, EvaluationFolder folder, EvaluationSpec spec, Instant now, boolean reuse)
      throws IOException {
    Path file = folder.night(nightId).path().resolve(NightFolder.BEGUN_FILE);
    if (!Files.isRegularFile(file)) {
      Instant started = now.truncatedTo(ChronoUnit.MILLIS);
      return write(folder, spec, new Begun(nightId, started, spec.fingerprint(), reuse));
    }
    Begun begun = read(file);
    if (!begun.specFingerprint.equals(spec.fingerprint()) || begun.reuse != reuse) {
      throw CommandException.usage(
          "Night " + nightId + " was begun with another spec or with another --no-reuse",
          "Go on with the same, or begin anew with --new-night.");
    }
    return begun;
  }

  private static Begun write(EvaluationFolder folder, EvaluationSpec spec, Begun begun)
      throws IOException {
    Path night = folder.night(begun.nightId).path();
    Files.createDirectories(night);
    AtomicFiles.write(night.resolve(NightFolder.SPEC_FILE), spec.text());
    AtomicFiles.write(
        night.resolve(NightFolder.BEGUN_FILE),
        JSON.createObjectNode()
                .put("night_id", begun.nightId)
                .put("started", begun.started.toString())
                .put("spec_fingerprint", begun.specFingerprint)
                .put("reuse", begun.reuse)
                .toPrettyString()
            + "\n");
    return begun;
  }
}
