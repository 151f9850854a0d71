package dev.millrace.jobs.evaluate.request;

import dev.millrace.jobs.evaluate.night.NightId;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Answers of one model, kept over nights: {@code answers/MODEL/NIGHT_ID.jsonl}, one segment a night
 * with what was computed in it; the newest answer to a request counts. Failures are not kept: they
 * are tried again the next night. Deleting a segment costs time and no correctness.
 */
public final class AnswerStore implements Closeable {
  /** More segments than this are merged into one, so that a year of nights opens quickly. */
  private static final int SEGMENTS_MAX = 24;

  private static final String EXTENSION = ".jsonl";

  /** File names would put {@code 2026-11-25.jsonl} after {@code 2026-11-25.02.jsonl}. */
  private static final Comparator<Path> BY_NIGHT =
      Comparator.comparing(
          file -> night(file).orElse(null), Comparator.nullsFirst(Comparator.naturalOrder()));

  private final Path folder;
  private final String nightId;
  private final List<AnswerSegment> earlier;
  private AnswerSegment tonight;
  private AnswerSegment failures;

  private AnswerStore(
      Path folder, String nightId, List<AnswerSegment> earlier, AnswerSegment tonight) {
    this.folder = folder;
    this.nightId = nightId;
    this.earlier = earlier;
    this.tonight = tonight;
  }

  /**
   * Opens the answers of a model.
   *
   * @param folder of this model
   * @param nightId whose answers count as computed tonight
   */
  public static AnswerStore open(Path folder, String nightId) throws IOException {
    Files.createDirectories(folder);
    List<Path> files;
    try (Stream<Path> found = Files.list(folder)) {
      files =
          found
              .filter(f -> f.getFileName().toString().endsWith(EXTENSION))
              .filter(f -> !f.getFileName().toString().startsWith("."))
              .sorted(BY_NIGHT.reversed())
              .toList();
    }
    List<AnswerSegment> earlier = new ArrayList<>();
    AnswerSegment tonight = null;
    for (Path file : files) {
      AnswerSegment segment = AnswerSegment.open(file);
      if (file.getFileName().toString().equals(nightId + EXTENSION)) {
        tonight = segment;
      } else {
        earlier.add(segment);
      }
    }
    return new AnswerStore(folder, nightId, earlier, tonight);
  }

  /** Empty for a file that some other hand put there. */
  private static Optional<NightId> night(Path file) {
    String name = file.getFileName().toString();
    return NightId.parse(name.substring(0, name.length() - EXTENSION.length()));
  }

  /**
   * Merges earlier nights' segments where there are many, newest first into the newest one; a crash
   * between leaves answers twice, which does no harm. For the night alone, which has the lock.
   */
  public void merge() throws IOException {
    if (earlier.size() <= SEGMENTS_MAX) {
      return;
    }
    List<AnswerSegment> merged = List.copyOf(earlier);
    List<Answer> answers = new ArrayList<>();
    java.util.Set<String> seen = new java.util.HashSet<>();
    for (AnswerSegment segment : merged) {
      for (String key : segment.keys()) {
        if (seen.add(key)) {
          answers.add(segment.get(key));
        }
      }
    }
    Path newest = merged.get(0).file();
    AnswerSegment.write(newest, answers.iterator());
    earlier.clear();
    for (AnswerSegment segment : merged) {
      segment.close();
      if (!segment.file().equals(newest)) {
        Files.deleteIfExists(segment.file());
      }
    }
    earlier.add(AnswerSegment.open(newest));
  }

  /** Whether an earlier night answered this request. */
  public boolean hasEarlier(String key) {
    return earlier.stream().anyMatch(segment -> segment.has(key));
  }

  /** Whether this request was computed tonight. */
  public boolean isOfTonight(String key) {
    return (tonight != null && tonight.has(key)) || (failures != null && failures.has(key));
  }

  /** Whether tonight's answers are all there. */
  public boolean isCommitted() {
    return tonight != null;
  }

  /**
   * Keeps what was computed tonight.
   *
   * @param answers those that did not fail
   * @param failed the others; kept for this night alone
   * @param failuresFile where these are kept
   */
  public void commit(Iterator<Answer> answers, Iterator<Answer> failed, Path failuresFile)
      throws IOException {
    AnswerSegment.write(failuresFile, failed);
    Path file = folder.resolve(nightId + EXTENSION);
    AnswerSegment.write(file, answers);
    tonight = AnswerSegment.open(file);
    failures = AnswerSegment.open(failuresFile);
  }

  /** Finds the failures of a night that is taken up again. */
  public void openFailures(Path failuresFile) throws IOException {
    if (failures == null && Files.exists(failuresFile)) {
      failures = AnswerSegment.open(failuresFile);
    }
  }

  /**
   * The answer to a request: tonight's, else the newest earlier one.
   *
   * @throws IOException if it cannot be read
   * @throws IllegalStateException if nobody answered it
   */
  public Answer answer(String key) throws IOException {
    List<AnswerSegment> all = new ArrayList<>();
    Stream.of(tonight, failures).filter(s -> s != null).forEach(all::add);
    all.addAll(earlier);
    for (AnswerSegment segment : all) {
      Answer answer = segment.get(key);
      if (answer != null) {
        return answer;
      }
    }
    throw new IllegalStateException("no answer to request " + key);
  }

  /**
   * Whether the answer computed tonight differs from the newest earlier one of the same request;
   * null if there are not two to compare.
   */
  public Boolean isFlaky(String key) throws IOException {
    Answer now = tonight == null ? null : tonight.get(key);
    if (now == null) {
      return null;
    }
    for (AnswerSegment segment : earlier) {
      Answer before = segment.get(key);
      if (before != null) {
        return !now.agreesWith(before);
      }
    }
    return null;
  }

  @Override
  public void close() throws IOException {
    for (AnswerSegment segment : earlier) {
      segment.close();
    }
    if (tonight != null) {
      tonight.close();
    }
    if (failures != null) {
      failures.close();
    }
  }
}
