package dev.millrace.jobs.evaluate.result;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;

/**
 * The folder of one night:
 *
 * <pre>
 * night.json                       the {@link NightResult}; written last, by one rename: a folder
 *                                  without it is a night that was not finished
 * spec.yaml                        the spec as it was read
 * begun.json                       when the night began, for one that goes on after a crash
 * samples/MODEL/SUITE.TASK.jsonl   one {@link SampleResult} a line ({@link TaskResult#samplesFile})
 * work/                            requests and the batch job; removed when the night is finished
 *                                  unless asked to be kept
 * </pre>
 *
 * Other writers add files beside these. Names of models, suites and tasks become file names through
 * {@link #fileName}. An accepted baseline is such a folder too.
 */
public final class NightFolder {
  public static final String NIGHT_FILE = "night.json";
  public static final String SPEC_FILE = "spec.yaml";
  public static final String BEGUN_FILE = "begun.json";
  public static final String SAMPLES_FOLDER = "samples";
  public static final String WORK_FOLDER = "work";

  private static final int NAME_LENGTH_MAX = 100;

  private final Path path;

  private NightFolder(Path path) {
    this.path = path;
  }

  public static NightFolder at(Path path) {
    return new NightFolder(path);
  }

  public Path path() {
    return path;
  }

  /** Whether the night has its verdict. */
  public boolean isFinished() {
    return Files.isRegularFile(path.resolve(NIGHT_FILE));
  }

  /**
   * The night's result.
   *
   * @throws IOException if it is not there or cannot be read, with the file
   */
  public NightResult read() throws IOException {
    Path file = path.resolve(NIGHT_FILE);
    try {
      return ResultJson.MAPPER.readValue(Files.readString(file), NightResult.class);
    } catch (JsonProcessingException e) {
      throw new IOException(
          "Expected the result of a night, found something else (file="
              + file
              + "): "
              + e.getOriginalMessage(),
          e);
    }
  }

  /** Writes the night's result, whole or not at all; after everything it refers to. */
  public void write(NightResult night) throws IOException {
    Files.createDirectories(path);
    Path temporary = path.resolve("." + NIGHT_FILE + ".tmp");
    String json = ResultJson.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(night);
    // half a surrogate pair becomes a question mark: writeString would refuse it
    Files.write(temporary, (json + "\n").getBytes(StandardCharsets.UTF_8));
    Files.move(
        temporary,
        path.resolve(NIGHT_FILE),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** The samples of a task of this night. */
  public SampleReader samples(TaskResult task) throws IOException {
    return samples(task.samplesFile());
  }

  /**
   * The samples in a file of this folder.
   *
   * @throws IOException if the name leads out of the folder, or the file cannot be read
   */
  public SampleReader samples(String samplesFile) throws IOException {
    return new SampleReader(inside(samplesFile));
  }

  /** A writer of the samples of a task. */
  public SampleWriter sampleWriter(String samplesFile) throws IOException {
    return new SampleWriter(inside(samplesFile));
  }

  private Path inside(String name) throws IOException {
    Path resolved = path.resolve(name).normalize();
    if (!resolved.startsWith(path.normalize())) {
      throw new IOException(
          "Expected a file inside the night's folder, found "
              + name
              + " (night="
              + path
              + "); the result was written by something else");
    }
    return resolved;
  }

  /** Where the samples of a task belong, relative to the folder. */
  public static String samplesFile(String model, String suite, String task) {
    return SAMPLES_FOLDER
        + "/"
        + fileName(model)
        + "/"
        + fileName(suite)
        + "."
        + fileName(task)
        + ".jsonl";
  }

  /**
   * A name as part of a file name: letters, digits, {@code _} and {@code -} stay, anything else is
   * {@code %} and the hexadecimal digits of its UTF-16 unit, so that different names never meet.
   */
  public static String fileName(String name) {
    StringBuilder safe = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9')
              || c == '_'
              || c == '-';
      safe.append(plain ? String.valueOf(c) : String.format(Locale.ROOT, "%%%04x", (int) c));
    }
    if (safe.isEmpty() || safe.length() > NAME_LENGTH_MAX) {
      throw new IllegalArgumentException(
          "expected a name of 1 to "
              + NAME_LENGTH_MAX
              + " characters once written as a file name, found "
              + safe.length());
    }
    return safe.toString();
  }
}
