package dev.millrace.jobs.evaluate.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Accepted nights: {@code baseline/} is the one that counts, {@code baselines/NIGHT_ID/} those
 * before it. They are copies, so that old nights can be removed.
 */
public final class Baselines {
  private static final String ACCEPTED_FILE = "accepted.json";
  private static final String INCOMING_FOLDER = ".baseline-new";

  private static final ObjectMapper JSON = new ObjectMapper();

  private final EvaluationFolder folder;

  public Baselines(EvaluationFolder folder) {
    this.folder = folder;
  }

  /**
   * One accepted night.
   *
   * @param night its result
   * @param accepted when it was accepted
   * @param note why, or empty
   * @param current whether it is the one that counts
   */
  public record Accepted(NightResult night, Instant accepted, String note, boolean current) {}

  /** The one that counts, if any. */
  public Optional<Accepted> current() throws IOException {
    finishAccepting();
    return folder.baseline().isFinished()
        ? Optional.of(read(folder.baseline().path(), true))
        : Optional.empty();
  }

  /** All, newest first. */
  public List<Accepted> all() throws IOException {
    List<Accepted> all = new ArrayList<>();
    current().ifPresent(all::add);
    List<Path> past = new ArrayList<>();
    if (Files.isDirectory(folder.pastBaselines())) {
      try (Stream<Path> found = Files.list(folder.pastBaselines())) {
        found.filter(Files::isDirectory).forEach(past::add);
      }
    }
    List<Accepted> before = new ArrayList<>();
    for (Path path : past) {
      before.add(read(path, false));
    }
    before.sort((a, b) -> b.accepted().compareTo(a.accepted()));
    all.addAll(before);
    return all;
  }

  private static Accepted read(Path path, boolean current) throws IOException {
    JsonNode json = JSON.readTree(path.resolve(ACCEPTED_FILE).toFile());
    return new Accepted(
        NightFolder.at(path).read(),
        Instant.parse(json.path("accepted").asText()),
        json.path("note").asText(),
        current);
  }

  /**
   * Makes a finished night the accepted one. The copy is complete before anything moves, and a
   * crash between the moves is made good by whoever looks next.
   */
  public Accepted accept(NightFolder night, Instant now, String note) throws IOException {
    NightResult result = night.read();
    Path incoming = folder.path().resolve(INCOMING_FOLDER);
    AtomicFiles.delete(incoming);
    Files.createDirectories(incoming);
    for (TaskResult task : result.tasks()) {
      Path from = night.path().resolve(task.samplesFile()).normalize();
      Path to = incoming.resolve(task.samplesFile()).normalize();
      if (!to.startsWith(incoming) || !from.startsWith(night.path().normalize())) {
        throw new IOException(
            "expected samples in the night's folder, found " + task.samplesFile());
      }
      Files.createDirectories(to.getParent());
      Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.writeString(
        incoming.resolve(ACCEPTED_FILE),
        JSON.createObjectNode()
                .put("night_id", result.nightId())
                .put("accepted", now.toString())
                .put("note", note)
                .toPrettyString()
            + "\n");
    NightFolder.at(incoming).write(result); // last: a copy without it is not complete
    finishAccepting();
    return current().orElseThrow();
  }

  private void finishAccepting() throws IOException {
    Path incoming = folder.path().resolve(INCOMING_FOLDER);
    if (!NightFolder.at(incoming).isFinished()) {
      return;
    }
    Path current = folder.baseline().path();
    if (Files.isDirectory(current)) {
      Files.createDirectories(folder.pastBaselines());
      Path past = folder.pastBaselines().resolve(folder.baseline().read().nightId());
      for (int i = 2; Files.exists(past); i++) {
        past = past.resolveSibling(folder.baseline().read().nightId() + "-" + i);
      }
      Files.move(current, past, StandardCopyOption.ATOMIC_MOVE);
    }
    Files.move(incoming, current, StandardCopyOption.ATOMIC_MOVE);
  }
}
