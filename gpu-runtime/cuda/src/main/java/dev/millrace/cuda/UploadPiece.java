package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
import java.util.List;

/**
 * A part of a weight that goes through one pinned buffer.
 *
 * @param source its weight's bytes
 * @param offset of its first byte in the weight
 * @param bytes how many
 * @param actions what carries them from the buffer to their place
 */
record UploadPiece(WeightSource source, long offset, int bytes, List<Action> actions) {
  private static final int CONVERT_THREADS = 128;
  private static final int GRID_ROWS_MAX = 65_535;

  /** Puts work on the bytes from a place in a pinned buffer into a stream. */
  @FunctionalInterface
  interface Action {
    void run(PinnedBuffer buffer, int at, Arguments arguments, CudaStream stream);
  }

  /** As they are. */
  static Action copy(long to, int bytes) {
    return (buffer, at, arguments, stream) -> buffer.upload(at, to, bytes, stream);
  }

  /** Through a kernel that reads them where they are pinned. */
  static Action convert(Kernel kernel, long to, int rows, int width, int pitch) {
    return (buffer, at, arguments, stream) ->
        kernel.launch(
            (int) StepLayout.divideUp(pitch, CONVERT_THREADS),
            Math.min(rows, GRID_ROWS_MAX),
            CONVERT_THREADS,
            0,
            arguments.start().i64(buffer.address() + at).i64(to).i32(rows).i32(width).i32(pitch),
            stream);
  }
}
