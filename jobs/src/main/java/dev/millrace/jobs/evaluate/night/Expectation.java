package dev.millrace.jobs.evaluate.night;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/**
 * Since when nights are due and at what time, so that a night that nobody started can be seen. Kept
 * as {@value #FILE_NAME}: {@code time} as {@link NightTime} writes it, and {@code since}.
 *
 * @param time when nights begin
 * @param since nights before this were never asked for
 */
public record Expectation(NightTime time, Instant since) {
  private static final String FILE_NAME = "schedule.json";
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Reads what is expected of an evaluation's folder; empty if it has no schedule. */
  public static Optional<Expectation> read(Path root) throws IOException {
    Path file = root.resolve(FILE_NAME);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      JsonNode node = MAPPER.readTree(Files.readString(file));
      return Optional.of(
          new Expectation(
              NightTime.parse(node.path("time").asText(), ZoneOffset.UTC),
              Instant.parse(node.path("since").asText())));
    } catch (IllegalArgumentException | DateTimeParseException e) {
      throw new IOException(
          "expected a schedule, found " + e.getMessage() + " (file=" + file + "); delete it", e);
    }
  }

  /**
   * Writes it; a schedule of another time begins anew, one of the same time keeps its beginning.
   */
  public static Expectation keep(Path root, NightTime time, Instant since) throws IOException {
    Optional<Expectation> known = read(root);
    if (known.isPresent() && known.get().time().equals(time)) {
      return known.get();
    }
    Files.createDirectories(root);
    ObjectNode node = MAPPER.createObjectNode();
    node.put("time", time.toString()).put("since", since.toString());
    AtomicFiles.write(root.resolve(FILE_NAME), MAPPER.writeValueAsString(node) + "\n");
    return new Expectation(time, since);
  }
}
