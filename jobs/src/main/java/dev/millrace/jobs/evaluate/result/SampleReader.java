package dev.millrace.jobs.evaluate.result;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads samples one at a time, in the order they were written. */
public final class SampleReader implements Closeable {
  private final Path file;
  private final BufferedReader in;
  private long line;

  SampleReader(Path file) throws IOException {
    this.file = file;
    this.in = Files.newBufferedReader(file, StandardCharsets.UTF_8);
  }

  /**
   * The next sample, or null after the last.
   *
   * @throws IOException if the file cannot be read or a line is not a sample, with its number
   */
  public SampleResult next() throws IOException {
    String text = in.readLine();
    if (text == null) {
      return null;
    }
    line++;
    try {
      return ResultJson.MAPPER.readValue(text, SampleResult.class);
    } catch (JsonProcessingException e) {
      throw new IOException(
          "Expected a sample as JSON, found something else (file="
              + file
              + ", line "
              + line
              + "): "
              + e.getOriginalMessage(),
          e);
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
