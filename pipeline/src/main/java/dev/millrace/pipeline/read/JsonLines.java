package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Splits a JSON lines file, plain or gzip, into lines: without line ends, without a byte order mark
 * at the start, without lines that are blank. Longer lines than {@link #LINE_BYTES_MAX} come back
 * cut to that length plus one byte, so that they can be told.
 */
public final class JsonLines implements Closeable {
  /** Longest line that is read. */
  public static final int LINE_BYTES_MAX = 64 << 20;

  private static final int BUFFER_BYTES = 1 << 16;

  private final InputFile file;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER_BYTES];
  private int position;
  private int limit;
  private boolean first = true;

  public JsonLines(InputFile file) throws IOException {
    this.file = file;
    InputStream raw = Channels.newInputStream(ByteSource.open(file));
    this.in = file.gzip() ? new GZIPInputStream(raw, BUFFER_BYTES) : raw;
  }

  /** The next line that is not blank, or null at the end. */
  public byte[] next() throws IOException {
    byte[] line;
    do {
      line = line();
      if (line != null && first) {
        first = false;
        line = withoutMark(line);
      }
    } while (line != null && isBlank(line));
    return line;
  }

  private byte[] line() throws IOException {
    ByteArrayOutputStream longLine = null;
    while (true) {
      if (position == limit && !fill()) {
        return longLine == null ? null : trimmed(longLine.toByteArray());
      }
      int end = position;
      while (end < limit && buffer[end] != '\n') {
        end++;
      }
      boolean complete = end < limit;
      if (complete && longLine == null) {
        byte[] line = java.util.Arrays.copyOfRange(buffer, position, end);
        position = end + 1;
        return trimmed(line);
      }
      if (longLine == null) {
        longLine = new ByteArrayOutputStream(2 * BUFFER_BYTES);
      }
      int room = Math.max(0, LINE_BYTES_MAX + 1 - longLine.size());
      longLine.write(buffer, position, Math.min(end - position, room));
      position = complete ? end + 1 : end;
      if (complete) {
        return trimmed(longLine.toByteArray());
      }
    }
  }

  private boolean fill() throws IOException {
    try {
      limit = in.read(buffer);
    } catch (EOFException | ZipException e) {
      throw new InvalidInputException(
          "expected complete gzip data, found it damaged or truncated: "
              + e.getMessage()
              + " (file="
              + file.location()
              + "); write the file again",
          e);
    }
    position = 0;
    if (limit < 0) {
      limit = 0;
      return false;
    }
    return true;
  }

  private static byte[] trimmed(byte[] line) {
    return line.length > 0 && line[line.length - 1] == '\r'
        ? java.util.Arrays.copyOf(line, line.length - 1)
        : line;
  }

  private static byte[] withoutMark(byte[] line) {
    boolean marked =
        line.length >= 3
            && line[0] == (byte) 0xef
            && line[1] == (byte) 0xbb
            && line[2] == (byte) 0xbf;
    return marked ? java.util.Arrays.copyOfRange(line, 3, line.length) : line;
  }

  private static boolean isBlank(byte[] line) {
    for (byte b : line) {
      if (b != ' ' && b != '\t') {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
