package dev.millrace.converter;

import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.WorkspaceLayout;
import dev.millrace.api.workspace.WorkspaceWriter;
import dev.millrace.converter.write.ConversionPlan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Writes all segments with several threads, in file order, each thread with one buffer. The first
 * failure stops the others.
 */
final class SegmentWriters {
  private static final long PROGRESS_NANOS = 200_000_000;

  private final WorkspaceWriter writer;
  private final WorkspaceLayout layout;
  private final ConversionPlan plan;
  private final ConversionSettings settings;
  private final List<Place> places = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();
  private final long startNanos = System.nanoTime();
  private final long bytesTotal;
  private long bytesDone;
  private long reportNanos;

  private record Place(int tensor, int segment) {}

  SegmentWriters(
      WorkspaceWriter writer,
      WorkspaceLayout layout,
      ConversionPlan plan,
      ConversionSettings settings) {
    this.writer = writer;
    this.layout = layout;
    this.plan = plan;
    this.settings = settings;
    this.bytesTotal = layout.tensors().stream().mapToLong(TensorEntry::bytes).sum();
    for (int i = 0; i < layout.tensors().size(); i++) {
      for (int j = 0; j < layout.tensors().get(i).segments().size(); j++) {
        places.add(new Place(i, j));
      }
    }
  }

  void run() throws IOException, InterruptedException {
    ExecutorService pool = Executors.newFixedThreadPool(settings.threads());
    try {
      List<Future<?>> workers = new ArrayList<>();
      for (int i = 0; i < settings.threads(); i++) {
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
      throw failure(e.getCause());
    } finally {
      next.set(places.size());
      pool.shutdownNow();
      awaitQuiet(pool);
    }
    report(true);
  }

  private void work() throws IOException {
    ByteBuffer block = writer.newBlock(settings.threads());
    try {
      int index;
      while ((index = next.getAndIncrement()) < places.size()) {
        Place place = places.get(index);
        writer.write(place.tensor(), place.segment(), plan.source(place.tensor()), block);
        advance(layout.tensors().get(place.tensor()).segments().get(place.segment()).bytes());
      }
    } catch (IOException | RuntimeException | Error e) {
      next.set(places.size());
      throw e;
    }
  }

  private synchronized void advance(long bytes) {
    bytesDone += bytes;
    report(false);
  }

  private synchronized void report(boolean last) {
    long now = System.nanoTime();
    if (last || now - reportNanos > PROGRESS_NANOS) {
      reportNanos = now;
      settings.progress().accept(new ConversionProgress(bytesDone, bytesTotal, now - startNanos));
    }
  }

  /** Buffers and channels are closed next: nobody may still be writing. */
  private static void awaitQuiet(ExecutorService pool) {
    boolean interrupted = false;
    while (!pool.isTerminated()) {
      try {
        pool.awaitTermination(1, java.util.concurrent.TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static IOException failure(Throwable cause) {
    if (cause instanceof IOException io) {
      return io;
    }
    if (cause instanceof InternalError) {
      return new IOException(
          "the checkpoint changed or could not be read while it was mapped", cause);
    }
    if (cause instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) cause;
  }
}
