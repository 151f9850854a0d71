package dev.millrace.cuda;

import dev.millrace.api.workspace.FileRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/**
 * How fast files are read by as many threads, in as large pieces, as an upload reads them with, and
 * nothing else done: what an upload of them reaches at most.
 */
public final class ReadRate {
  private static final int TURNS = 3;

  private final Queue<FileRegion> pieces = new ConcurrentLinkedQueue<>();
  private final CountDownLatch start = new CountDownLatch(1);
  private final AtomicReference<UncheckedIOException> error = new AtomicReference<>();

  private ReadRate() {}

  /**
   * Reads all three times, from the system's cache where they are in it.
   *
   * @return bytes a second of the fastest time, for one that was disturbed is no ceiling; 0 where
   *     there is nothing to read
   * @throws UncheckedIOException if a file cannot be read
   */
  public static double bytesPerSecond(List<FileRegion> regions) throws InterruptedException {
    double best = 0;
    for (int turn = 0; turn < TURNS; turn++) {
      best = Math.max(best, new ReadRate().measure(regions));
    }
    return best;
  }

  private double measure(List<FileRegion> regions) throws InterruptedException {
    long bytes = 0;
    for (FileRegion region : regions) {
      for (long done = 0; done < region.bytes(); done += UploadLane.STAGE_BYTES) {
        long some = Math.min(UploadLane.STAGE_BYTES, region.bytes() - done);
        pieces.add(new FileRegion(region.file(), region.offset() + done, some));
        bytes += some;
      }
    }
    List<Thread> lanes = new ArrayList<>();
    for (int i = 0; i < WeightUpload.lanes(1); i++) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(UploadLane.PINNED_BYTES); // cleared: touched
      Thread lane = new Thread(() -> read(buffer), "read-" + i);
      lane.setDaemon(true);
      lane.start();
      lanes.add(lane);
    }
    long began = System.nanoTime();
    start.countDown();
    for (Thread lane : lanes) {
      lane.join();
    }
    long nanos = System.nanoTime() - began;
    if (error.get() != null) {
      throw error.get();
    }
    return bytes * 1e9 / nanos;
  }

  private void read(ByteBuffer buffer) {
    try {
      start.await();
      int at = 0;
      for (FileRegion piece = pieces.poll(); piece != null; piece = pieces.poll()) {
        read(piece, buffer.slice(at, (int) piece.bytes()));
        at = (at + UploadLane.STAGE_BYTES) % UploadLane.PINNED_BYTES;
      }
    } catch (IOException e) {
      error.compareAndSet(null, new UncheckedIOException(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void read(FileRegion piece, ByteBuffer target) throws IOException {
    try (FileChannel channel = FileChannel.open(piece.file(), StandardOpenOption.READ)) {
      while (target.hasRemaining()) {
        if (channel.read(target, piece.offset() + target.position()) < 0) {
          throw new IOException(piece.file() + " ends early");
        }
      }
    }
  }
}
