package dev.millrace.pipeline.write;

import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.JobDescription;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;

/** A file written front to back under a temporary name, its bytes counted and digested. */
final class CommittedFile extends OutputStream {
  private static final int BUFFER_BYTES = 1 << 16;

  private final Path target;
  private final Path temporary;
  private final OutputStream out;
  private final MessageDigest digest = JobDescription.sha256();
  private long bytes;
  private boolean closed;

  CommittedFile(Path target) throws IOException {
    this.target = target;
    this.temporary = AtomicFiles.temporary(target);
    Files.createDirectories(target.getParent());
    this.out = new BufferedOutputStream(Files.newOutputStream(temporary), BUFFER_BYTES);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] buffer, int offset, int length) throws IOException {
    out.write(buffer, offset, length);
    digest.update(buffer, offset, length);
    bytes += length;
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    if (!closed) {
      closed = true;
      out.close();
    }
  }

  /** Gives the closed file its name. */
  void commit() throws IOException {
    close();
    AtomicFiles.commit(temporary, target);
  }

  /** Removes what was written. */
  void discard() throws IOException {
    close();
    Files.deleteIfExists(temporary);
  }

  long bytes() {
    return bytes;
  }

  /** SHA-256 of all bytes; ask once, at the end. */
  String sha256() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
