package dev.millrace.jobs.evaluate.request;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/**
 * Answers of one night as JSON lines, read by key: the index is in memory, the answers are not. A
 * segment is written once and never changed.
 */
final class AnswerSegment implements Closeable {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final Path file;
  private final RandomAccessFile in;
  private final Map<String, Long> offsets;

  private AnswerSegment(Path file, RandomAccessFile in, Map<String, Long> offsets) {
    this.file = file;
    this.in = in;
    this.offsets = offsets;
  }

  /** Opens a segment and indexes it; a line that is no answer is skipped, it is computed again. */
  static AnswerSegment open(Path file) throws IOException {
    Map<String, Long> offsets = new HashMap<>();
    try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      long offset = 0;
      long began = 0;
      int next;
      while ((next = bytes.read()) >= 0) {
        offset++;
        if (next != '\n') {
          line.write(next);
          continue;
        }
        String key = key(line.toString(StandardCharsets.UTF_8));
        if (key != null) {
          offsets.put(key, began);
        }
        began = offset;
        line.reset();
      }
    }
    return new AnswerSegment(file, new RandomAccessFile(file.toFile(), "r"), offsets);
  }

  private static String key(String line) {
    try {
      return JSON.readValue(line, Answer.class).key();
    } catch (JsonProcessingException e) {
      return null; // a damaged line of a cache is no answer: the request is computed anew
    }
  }

  boolean has(String key) {
    return offsets.containsKey(key);
  }

  Set<String> keys() {
    return offsets.keySet();
  }

  /** The answer, or null if this segment has none. */
  synchronized Answer get(String key) throws IOException {
    Long offset = offsets.get(key);
    if (offset == null) {
      return null;
    }
    in.seek(offset);
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    byte[] buffer = new byte[4096];
    while (true) {
      int read = in.read(buffer);
      if (read < 0) {
        break;
      }
      int end = 0;
      while (end < read && buffer[end] != '\n') {
        end++;
      }
      line.write(buffer, 0, end);
      if (end < read) {
        break;
      }
    }
    return JSON.readValue(line.toByteArray(), Answer.class);
  }

  /** Writes a segment, whole or not at all. */
  static void write(Path file, Iterator<Answer> answers) throws IOException {
    Files.createDirectories(file.getParent());
    Path temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16)) {
      while (answers.hasNext()) {
        out.write(JSON.writeValueAsBytes(answers.next()));
        out.write('\n');
      }
    }
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  Path file() {
    return file;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
