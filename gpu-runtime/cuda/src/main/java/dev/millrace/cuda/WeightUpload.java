package dev.millrace.cuda;

import dev.millrace.api.workspace.FileRegion;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.kernel.Kernel;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * Carries weights to the device in the background: cut into pieces, which several threads read into
 * pinned buffers of their own while the device copies others. One thread of the host copies a
 * fraction of what the bus takes. Weights that lie as they should are copied to their place; others
 * are converted on their way. Used by the rank's thread.
 */
final class WeightUpload implements AutoCloseable {
  private static final int LANES_MAX = 12;

  private final DeviceContext context;
  private final Kernels kernels;
  private final int lanesMax;
  private final BlockingQueue<Optional<UploadPiece>> pieces = new LinkedBlockingQueue<>();
  private final List<UploadLane> lanes = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Map<Path, FileChannel> channels = new HashMap<>();
  private long startNanos;
  private Throwable error;
  private long bytes;
  private long nanos;
  private boolean closed;

  /**
   * @param ranks that upload at the same time on this machine
   */
  WeightUpload(DeviceContext context, Kernels kernels, int ranks) {
    this.context = context;
    this.kernels = kernels;
    lanesMax = lanes(ranks);
  }

  /** Threads of each of so many ranks. */
  static int lanes(int ranks) {
    return Math.max(1, Math.min(LANES_MAX, Runtime.getRuntime().availableProcessors() / ranks));
  }

  /**
   * Starts what carries so many bytes, at the first of them or before: threads pin memory first,
   * half a millisecond a mebibyte.
   */
  void prepare(long count) {
    while (lanes.size() < lanesMax && (long) lanes.size() * UploadLane.PINNED_BYTES < count) {
      UploadLane lane = new UploadLane(context, pieces, this::failed);
      Thread thread =
          new Thread(
              lane, "%s-upload-%d".formatted(Thread.currentThread().getName(), lanes.size()));
      thread.setDaemon(true);
      thread.start();
      lanes.add(lane);
      threads.add(thread);
    }
  }

  /** Begins to upload a weight. */
  void run(WeightData data, CudaWeight weight) {
    WeightShape shape = data.shape();
    WeightSource source = new WeightSource(data, this::channel);
    if (bytes == 0) {
      startNanos = System.nanoTime();
    }
    bytes += shape.bytes();
    prepare(bytes);
    if (shape.layout() == WeightLayout.INT4_TILES) {
      copy(source, weight.address(), shape.bytes());
    } else if (CudaWeight.isVector(shape)) {
      vector(source, shape, weight);
    } else {
      matrix(source, shape, weight.address());
    }
  }

  private void copy(WeightSource source, long to, long count) {
    for (long done = 0; done < count; done += UploadLane.STAGE_BYTES) {
      int some = (int) Math.min(UploadLane.STAGE_BYTES, count - done);
      add(new UploadPiece(source, done, some, List.of(UploadPiece.copy(to + done, some))));
    }
  }

  private void vector(WeightSource source, WeightShape shape, CudaWeight weight) {
    int length = Math.toIntExact(shape.inputs());
    int pitch = CudaTensor.pitch(length);
    List<UploadPiece.Action> both =
        List.of(
            UploadPiece.convert(kernel(shape.type(), "f32"), weight.address(), 1, length, pitch),
            UploadPiece.convert(
                kernel(shape.type(), "bf16"), weight.bf16Address(), 1, length, pitch));
    add(new UploadPiece(source, 0, fitting(shape.bytes()), both));
  }

  private void matrix(WeightSource source, WeightShape shape, long to) {
    boolean byInputs = CudaWeight.isInputMajor(shape);
    long rows = byInputs ? shape.inputs() : shape.outputs();
    int width = Math.toIntExact(byInputs ? shape.outputs() : shape.inputs());
    int pitch = CudaWeight.pitch(shape);
    if (shape.type() == DType.BF16 && pitch == width) {
      copy(source, to, shape.bytes());
      return;
    }
    Kernel kernel = kernel(shape.type(), "bf16");
    int rowBytes = fitting((long) width * shape.type().bytes());
    int most = UploadLane.STAGE_BYTES / rowBytes;
    for (long row = 0; row < rows; row += most) {
      int some = (int) Math.min(most, rows - row);
      add(
          new UploadPiece(
              source,
              row * rowBytes,
              some * rowBytes,
              List.of(UploadPiece.convert(kernel, to + row * pitch * 2L, some, width, pitch))));
    }
  }

  private static int fitting(long count) {
    if (count > UploadLane.STAGE_BYTES) {
      throw new IllegalArgumentException(
          "expected a row of a weight within %d bytes, found one of %d"
              .formatted(UploadLane.STAGE_BYTES, count));
    }
    return (int) count;
  }

  private Kernel kernel(DType from, String to) {
    return kernels.get(
        KernelFile.CONVERT, "%s_to_%s".formatted(from.name().toLowerCase(Locale.ROOT), to));
  }

  private void add(UploadPiece piece) {
    pieces.add(Optional.of(piece));
  }

  private synchronized FileChannel channel(FileRegion region) {
    return channels.computeIfAbsent(
        region.file(),
        file -> {
          try {
            return FileChannel.open(file, StandardOpenOption.READ);
          } catch (IOException e) {
            throw new UncheckedIOException("cannot open " + file + ": " + e.getMessage(), e);
          }
        });
  }

  private synchronized void failed(Throwable e) {
    if (error == null) {
      error = e;
    }
  }

  /** Bytes handed over. */
  long bytes() {
    return bytes;
  }

  /** From the first weight given to all being in place; 0 before {@link #close}. */
  long nanos() {
    return nanos;
  }

  /**
   * Waits until all weights are in place and ends the threads. Idempotent.
   *
   * @throws RuntimeException what went wrong with the first one that is not
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    lanes.forEach(lane -> pieces.add(Optional.empty()));
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true; // the buffers must not go while the device reads them
        }
      }
    }
    lanes.stream()
        .mapToLong(UploadLane::endNanos)
        .filter(end -> end != 0)
        .forEach(end -> nanos = Math.max(nanos, end - startNanos));
    closeFiles();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (error instanceof Error fatal) {
      throw fatal;
    }
    if (error != null) {
      throw (RuntimeException) error;
    }
  }

  /** Gives up on what is not in place yet: the threads end when they can. Idempotent. */
  void stop() {
    pieces.clear();
    failed(new IllegalStateException("the upload was abandoned"));
    lanes.forEach(lane -> pieces.add(Optional.empty()));
  }

  /** As {@link #stop}, and waits for the end of the threads. Idempotent. */
  void abandon() {
    stop();
    try {
      close();
    } catch (RuntimeException | Error e) {
      // whoever abandons it knows why already
    }
  }

  private synchronized void closeFiles() {
    for (FileChannel channel : channels.values()) {
      try {
        channel.close();
      } catch (IOException e) {
        failed(new UncheckedIOException(e));
      }
    }
    channels.clear();
  }
}
