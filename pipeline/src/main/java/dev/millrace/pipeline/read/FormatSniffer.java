package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/** Tells a file's format by its first bytes; the extension only says what was expected. */
final class FormatSniffer {
  private static final int HEAD_BYTES = 4096;
  private static final byte[] PARQUET = "PAR1".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] PARQUET_ENCRYPTED = "PARE".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] ARROW = "ARROW1".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] FEATHER_1 = "FEA1".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] STREAM = {-1, -1, -1, -1};
  private static final byte[] GZIP = {0x1f, (byte) 0x8b};

  private FormatSniffer() {}

  static InputFile identify(InputFiles.Found found) {
    InputFile unknown =
        new InputFile(
            found.name(),
            found.location(),
            InputFormat.JSONL,
            false,
            found.bytes(),
            found.modifiedMillis());
    byte[] head;
    try (SeekableByteChannel channel = ByteSource.open(unknown)) {
      head = head(channel);
      boolean gzip = startsWith(head, GZIP);
      if (gzip) {
        channel.position(0);
        try (InputStream in = new GZIPInputStream(Channels.newInputStream(channel))) {
          head = in.readNBytes(HEAD_BYTES);
        }
      }
      InputFormat format = format(head, found);
      if (gzip && !format.isJson()) {
        throw refuse(
            found, "JSON lines inside gzip", format.title() + " inside gzip", "decompress it");
      }
      return new InputFile(
          found.name(), found.location(), format, gzip, found.bytes(), found.modifiedMillis());
    } catch (IOException e) {
      if (!ByteSource.isLocal(found.location())) {
        throw ObjectStores.unusable(found.location(), e);
      }
      throw ByteSource.unreadable(found.location(), e);
    }
  }

  private static byte[] head(SeekableByteChannel channel) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(HEAD_BYTES);
    while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
      // read on
    }
    return Arrays.copyOf(buffer.array(), buffer.position());
  }

  private static InputFormat format(byte[] head, InputFiles.Found found) {
    if (startsWith(head, PARQUET)) {
      return InputFormat.PARQUET;
    }
    if (startsWith(head, ARROW)) {
      return InputFormat.ARROW_FILE;
    }
    if (startsWith(head, STREAM)) {
      return InputFormat.ARROW_STREAM;
    }
    if (startsWith(head, PARQUET_ENCRYPTED)) {
      throw refuse(found, "plain Parquet", "encrypted Parquet", "decrypt it");
    }
    if (startsWith(head, FEATHER_1)) {
      throw refuse(
          found, "Feather v2 (Arrow IPC)", "Feather v1", "write it again with a newer version");
    }
    String expected = expected(found.name());
    if (expected != null) {
      throw refuse(
          found, expected, "first bytes " + hex(head), "check that the file is what its name says");
    }
    return json(head, found);
  }

  private static InputFormat json(byte[] head, InputFiles.Found found) {
    int i = 0;
    while (i < head.length && (isSpace(head[i]) || isBom(head, i))) {
      i++;
    }
    boolean named = found.name().matches("(?i).*\\.(jsonl|ndjson|jsonlines)(\\.gz)?");
    if (i == head.length || head[i] == '{' || (named && head[i] != '[')) {
      return InputFormat.JSONL;
    }
    if (head[i] == '[') {
      throw refuse(found, "one JSON object a line", "a JSON array", "write it as JSON lines");
    }
    throw refuse(
        found,
        "Parquet, Arrow IPC or JSON lines",
        "first bytes " + hex(head),
        "convert it to one of them");
  }

  private static boolean isSpace(byte b) {
    return b >= 0 && b <= ' ';
  }

  private static boolean isBom(byte[] head, int i) {
    return head.length >= 3
        && head[0] == (byte) 0xef
        && head[1] == (byte) 0xbb
        && head[2] == (byte) 0xbf
        && i < 3;
  }

  private static String expected(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (lower.matches(".*\\.(parquet|parq|pq)")) {
      return "Parquet (first bytes PAR1)";
    }
    return lower.matches(".*\\.(arrow|arrows|feather|ipc)")
        ? "Arrow IPC (first bytes ARROW1 or a stream's FFFFFFFF)"
        : null;
  }

  private static String hex(byte[] head) {
    return head.length == 0
        ? "none: the file is empty"
        : HexFormat.of().formatHex(head, 0, Math.min(8, head.length));
  }

  private static boolean startsWith(byte[] head, byte[] magic) {
    return head.length >= magic.length
        && Arrays.equals(head, 0, magic.length, magic, 0, magic.length);
  }

  private static InvalidInputException refuse(
      InputFiles.Found found, String expected, String was, String todo) {
    return new InvalidInputException(
        "expected " + expected + ", found " + was + " (file=" + found.location() + "); " + todo);
  }
}
