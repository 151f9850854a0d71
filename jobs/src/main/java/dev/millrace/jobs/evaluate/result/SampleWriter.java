package dev.millrace.jobs.evaluate.result;

import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Writes the samples of one task as JSON lines (UTF-8, one {@link SampleResult} a line, by row in
 * the order of the data, then by repeat). The file appears whole under its name on {@link #commit},
 * or not at all.
 */
public final class SampleWriter implements Closeable {
  private final Path file;
  private final Path temporary;
  private final BufferedWriter out;

  SampleWriter(Path file) throws IOException {
    this.file = file;
    Files.createDirectories(file.getParent());
    this.temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
    // half a surrogate pair, which JSON input may hold, becomes a question mark, not an error
    this.out =
        new BufferedWriter(
            new OutputStreamWriter(Files.newOutputStream(temporary), StandardCharsets.UTF_8));
  }

  public void write(SampleResult sample) throws IOException {
    out.write(ResultJson.MAPPER.writeValueAsString(sample));
    out.write('\n');
  }

  /** Gives the finished file its name. */
  public void commit() throws IOException {
    out.close();
    Files.move(
        temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Drops what was not committed. */
  @Override
  public void close() throws IOException {
    out.close();
    Files.deleteIfExists(temporary);
  }
}
