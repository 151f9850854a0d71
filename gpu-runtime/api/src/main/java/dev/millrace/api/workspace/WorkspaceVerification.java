package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.CRC32C;

/**
 * Reads every segment of a workspace and compares its checksum; several threads, bounded memory.
 */
final class WorkspaceVerification {
  private static final int READ_BYTES = 4 << 20;

  private final Path folder;
  private final WorkspaceManifest manifest;
  private final int threads;
  private final ByteProgress progress;
  private final long total;
  private long done;
  private MalformedWorkspaceException first;
  private int damaged;

  WorkspaceVerification(
      Path folder, WorkspaceManifest manifest, int threads, ByteProgress progress) {
    this.folder = folder;
    this.manifest = manifest;
    this.threads = Math.max(1, threads);
    this.progress = progress;
    this.total = manifest.tensors().stream().mapToLong(TensorEntry::bytes).sum();
  }

  void run() throws IOException, InterruptedException {
    for (TextFile file : manifest.textFiles()) {
      new WorkspaceFiles(folder).readText(file);
    }
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<?>> work = new ArrayList<>();
      for (TensorEntry tensor : manifest.tensors()) {
        for (Segment segment : tensor.segments()) {
          work.add(
              pool.submit(
                  () -> {
                    check(tensor, segment);
                    return null;
                  }));
        }
      }
      for (Future<?> future : work) {
        future.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } finally {
      pool.shutdownNow();
    }
    throwIfDamaged();
  }

  private synchronized void throwIfDamaged() throws MalformedWorkspaceException {
    if (first == null) {
      return;
    }
    if (damaged > 1) {
      first.addSuppressed(new IOException(damaged - 1 + " more segments are damaged"));
    }
    throw first;
  }

  private void check(TensorEntry tensor, Segment segment) throws IOException {
    String name = manifest.dataFiles().get(segment.file()).name();
    CRC32C crc = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocateDirect((int) Math.min(READ_BYTES, segment.bytes()));
    try (FileChannel channel = FileChannel.open(folder.resolve(name), StandardOpenOption.READ)) {
      long position = segment.offset();
      long end = segment.offset() + segment.bytes();
      while (position < end) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), end - position));
        int read = channel.read(buffer, position);
        if (read < 0) {
          throw new EOFException(name + " ends at " + position + " while it is verified");
        }
        crc.update(buffer.flip());
        position += read;
        advance(read);
      }
    }
    String found = String.format("%08x", crc.getValue());
    if (!found.equals(segment.crc32c())) {
      report(
          new MalformedWorkspaceException(
              folder,
              "tensor "
                  + tensor.name()
                  + " ("
                  + name
                  + " from byte "
                  + segment.offset()
                  + ", "
                  + segment.bytes()
                  + " bytes)",
              "CRC-32C " + segment.crc32c(),
              found,
              "the file is damaged; convert the model again"));
    }
  }

  private synchronized void report(MalformedWorkspaceException damage) {
    if (first == null) {
      first = damage;
    }
    damaged++;
  }

  private synchronized void advance(long bytes) {
    done += bytes;
    progress.progress(done, total);
  }
}
