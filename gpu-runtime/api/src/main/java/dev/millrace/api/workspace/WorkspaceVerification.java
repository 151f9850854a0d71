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
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.CRC32C;

/**
 * Reads every segment of a workspace and compares its checksum; several threads, bounded memory.
 */
final class WorkspaceVerification {
  private static final int READ_BYTES_MAX = 4 << 20;
  private static final int READS_BYTES_MAX = 128 << 20;

  private final Path folder;
  private final WorkspaceManifest manifest;
  private final int threads;
  private final int readBytes;
  private final ByteProgress progress;
  private final long total;
  private final List<Place> places = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private long done;
  private MalformedWorkspaceException first;
  private int damaged;

  private record Place(TensorEntry tensor, Segment segment) {}

  WorkspaceVerification(
      Path folder, WorkspaceManifest manifest, int threads, ByteProgress progress) {
    this.folder = folder;
    this.manifest = manifest;
    this.threads = Math.max(1, threads);
    this.readBytes =
        (int) DirectChannels.roundUp(Math.min(READ_BYTES_MAX, READS_BYTES_MAX / this.threads));
    this.progress = progress;
    for (TensorEntry tensor : manifest.tensors()) {
      tensor.segments().forEach(segment -> places.add(new Place(tensor, segment)));
    }
    this.total = manifest.tensors().stream().mapToLong(TensorEntry::bytes).sum();
  }

  void run() throws IOException, InterruptedException {
    for (TextFile file : manifest.textFiles()) {
      new WorkspaceFiles(folder).readText(file);
    }
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<?>> workers = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        workers.add(
            pool.submit(
                () -> {
                  work();
                  return null;
                }));
      }
      for (Future<?> worker : workers) {
        worker.get();
      }
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    } finally {
      next.set(places.size());
      pool.shutdownNow();
    }
    throwIfDamaged();
  }

  private void work() throws IOException {
    ByteBuffer buffer = DirectChannels.newBuffer(readBytes);
    int index;
    while ((index = next.getAndIncrement()) < places.size()) {
      check(places.get(index).tensor(), places.get(index).segment(), buffer);
    }
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

  private void check(TensorEntry tensor, Segment segment, ByteBuffer buffer) throws IOException {
    String name = manifest.dataFiles().get(segment.file()).name();
    CRC32C crc = new CRC32C();
    Path file = folder.resolve(name);
    try (FileChannel channel = DirectChannels.open(file, StandardOpenOption.READ)) {
      long position = segment.offset();
      long end = segment.offset() + segment.bytes();
      while (position < end) {
        long whole = DirectChannels.roundUp(end - position);
        buffer.clear().limit((int) Math.min(readBytes, whole));
        int read = channel.read(buffer, position);
        if (read <= 0) {
          throw new EOFException(name + " ends at " + position + " while it is verified");
        }
        int used = (int) Math.min(read, end - position);
        crc.update(buffer.position(0).limit(used));
        position += used;
        advance(used);
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
