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
 * One thread that reads pieces of weights into the stages of a pinned buffer in turn, so that the
 * device takes one while the thread fills the other.
 */
final class UploadLane implements Runnable {
  /**
   * Long enough for the bus's own rate: each copy costs it 3 us besides. Short enough that many
   * threads share a weight.
   */
  static final int STAGE_BYTES = 4 << 20;

  private static final int STAGES = 2;

  /** What a lane pins. */
  static final int PINNED_BYTES = STAGES * STAGE_BYTES;

  private final DeviceContext context;
  private final BlockingQueue<Optional<UploadPiece>> pieces;
  private final Consumer<Throwable> onError;
  private final CudaEvent[] taken = new CudaEvent[STAGES];
  private final Arguments arguments = new Arguments();
  private volatile long endNanos;

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
      try (PinnedBuffer buffer = new PinnedBuffer(PINNED_BYTES);
          CudaStream stream = new CudaStream()) {
        try {
          carry(buffer, stream);
        } finally {
          closeEvents();
        }
      }
    } catch (RuntimeException | Error e) {
      onError.accept(e);
      drain();
    }
  }

  private void carry(PinnedBuffer buffer, CudaStream stream) {
    for (long turn = 0; ; turn++) {
      Optional<UploadPiece> piece = next();
      if (piece.isEmpty()) {
        break;
      }
      int stage = (int) (turn % STAGES);
      if (taken[stage] == null) {
        taken[stage] = CudaEvent.untimed();
      } else {
        taken[stage].await();
      }
      int at = stage * STAGE_BYTES;
      UploadPiece now = piece.get();
      now.source().read(now.offset(), buffer.bytes().slice(at, now.bytes()));
      now.actions().forEach(action -> action.run(buffer, at, arguments, stream));
      taken[stage].record(stream);
    }
    for (CudaEvent event : taken) {
      if (event != null) {
        event.await();
        endNanos = System.nanoTime();
      }
    }
  }

  /** When the last of its bytes was in place; 0 where there was none. */
  long endNanos() {
    return endNanos;
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

  private void closeEvents() {
    for (CudaEvent event : taken) {
      if (event != null) {
        event.close();
      }
    }
  }
}
