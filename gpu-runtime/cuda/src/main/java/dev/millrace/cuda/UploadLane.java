package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;

/**
 * One thread that reads pieces of weights into two pinned buffers in turn, so that the device takes
 * one while the thread fills the other.
 */
final class UploadLane implements Runnable {
  /** Long enough for the bus's own rate, short enough that many threads share a weight. */
  static final int STAGE_BYTES = 4 << 20;

  private static final int STAGES = 2;

  private final DeviceContext context;
  private final BlockingQueue<Optional<UploadPiece>> pieces;
  private final Consumer<Throwable> onError;
  private final PinnedBuffer[] buffers = new PinnedBuffer[STAGES];
  private final CudaEvent[] taken = new CudaEvent[STAGES];
  private final Arguments arguments = new Arguments();

  /**
   * @param pieces ends with an empty entry for each lane
   * @param onError hears of what went wrong; pieces after that are passed over
   */
  UploadLane(
      DeviceContext context,
      BlockingQueue<Optional<UploadPiece>> pieces,
      Consumer<Throwable> onError) {
    this.context = context;
    this.pieces = pieces;
    this.onError = onError;
  }

  @Override
  public void run() {
    try {
      context.use();
      try (CudaStream stream = new CudaStream()) {
        try {
          carry(stream);
        } finally {
          release();
        }
      }
    } catch (RuntimeException | Error e) {
      onError.accept(e);
      drain();
    }
  }

  private void carry(CudaStream stream) {
    for (long turn = 0; ; turn++) {
      Optional<UploadPiece> piece = next();
      if (piece.isEmpty()) {
        break;
      }
      int stage = (int) (turn % STAGES);
      if (buffers[stage] == null) {
        buffers[stage] = new PinnedBuffer(STAGE_BYTES);
        taken[stage] = new CudaEvent();
      } else {
        taken[stage].await();
      }
      UploadPiece now = piece.get();
      now.source().read(now.offset(), buffers[stage].bytes().duplicate().limit(now.bytes()));
      now.actions().forEach(action -> action.run(buffers[stage], arguments, stream));
      taken[stage].record(stream);
    }
    for (CudaEvent event : taken) {
      if (event != null) {
        event.await();
      }
    }
  }

  private Optional<UploadPiece> next() {
    try {
      return pieces.take();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while weights are uploaded", e);
    }
  }

  /** Takes what is left, so that whoever waits for the end sees it come. */
  private void drain() {
    Optional<UploadPiece> piece = next();
    while (piece.isPresent()) {
      piece = next();
    }
  }

  private void release() {
    for (int i = 0; i < STAGES; i++) {
      if (buffers[i] != null) {
        taken[i].close();
        buffers[i].close();
      }
    }
  }
}
