package dev.millrace.jobs.evaluate.result;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What {@code --output} names: all nights of one evaluation.
 *
 * <pre>
 * nights/NIGHT_ID/        one {@link NightFolder} each; the id is the night's date, 2026-11-25,
 *                         with .02 for a second of that date
 * baseline/               a copy of the accepted night, a {@link NightFolder} too (night.json and
 *                         samples/), with accepted.json; survives the removal of old nights
 * baselines/NIGHT_ID/     those accepted before
 * answers/                the answer cache, by model; may be deleted at any time
 * </pre>
 */
public final class EvaluationFolder {
  public static final String NIGHTS_FOLDER = "nights";
  public static final String BASELINE_FOLDER = "baseline";
  public static final String PAST_BASELINES_FOLDER = "baselines";
  public static final String ANSWERS_FOLDER = "answers";

  private static final DateTimeFormatter NIGHT_ID =
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final Path path;

  private EvaluationFolder(Path path) {
    this.path = path;
  }

  public static EvaluationFolder at(Path path) {
    return new EvaluationFolder(path);
  }

  public Path path() {
    return path;
  }

  /** The id of a night that begins now; always in UTC, so that a clock change doubles none. */
  public static String nightId(Instant began) {
    return NIGHT_ID.format(began);
  }

  public NightFolder night(String nightId) {
    return NightFolder.at(path.resolve(NIGHTS_FOLDER).resolve(nightId));
  }

  public NightFolder baseline() {
    return NightFolder.at(path.resolve(BASELINE_FOLDER));
  }

  public Path pastBaselines() {
    return path.resolve(PAST_BASELINES_FOLDER);
  }

  public Path answers() {
    return path.resolve(ANSWERS_FOLDER);
  }

  /** All nights, oldest first, finished or not. */
  public List<NightFolder> nights() throws IOException {
    Path nights = path.resolve(NIGHTS_FOLDER);
    if (!Files.isDirectory(nights)) {
      return List.of();
    }
    try (Stream<Path> folders = Files.list(nights)) {
      return folders
          .filter(Files::isDirectory)
          .filter(folder -> !folder.getFileName().toString().startsWith("."))
          .sorted()
          .map(NightFolder::at)
          .toList();
    }
  }

  /** The newest night that has its verdict. */
  public Optional<NightFolder> newestFinished() throws IOException {
    List<NightFolder> finished = nights().stream().filter(NightFolder::isFinished).toList();
    return finished.isEmpty() ? Optional.empty() : Optional.of(finished.get(finished.size() - 1));
  }
}
