package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Carries weights from mapped pages to the device: through two pinned buffers in turn, so that the
 * host reads pages while the device copies. Dense weights that lie as they should go straight to
 * their place; others, a slab at a time, through a conversion.
 */
final class WeightUpload implements AutoCloseable {
  private static final int STAGE_BYTES = 32 << 20;
  private static final int STAGES = 2;

  private final Kernels kernels;
  private final CudaStream stream;
  private final Arguments arguments = new Arguments();
  private final long slab;
  private final Deque<Stage> stages = new ArrayDeque<>();

  private static final class Stage {
    final PinnedBuffer buffer = new PinnedBuffer(STAGE_BYTES);
    final CudaEvent copied = new CudaEvent();
    boolean used;
  }

  WeightUpload(Kernels kernels, CudaStream stream, long slab) {
    this.kernels = kernels;
    this.stream = stream;
    this.slab = slab;
    for (int i = 0; i < STAGES; i++) {
      stages.add(new Stage());
    }
  }

  void run(WeightData data, CudaWeight weight) {
    WeightShape shape = data.shape();
    if (shape.layout() == WeightLayout.INT4_TILES) {
      copy(new Source(data), weight.address(), shape.bytes());
    } else if (CudaWeight.isVector(shape)) {
      copy(new Source(data), slab, shape.bytes());
      int length = Math.toIntExact(shape.inputs());
      convert(shape.type(), "f32", 1, length, CudaTensor.pitch(length), weight.address());
      convert(shape.type(), "bf16", 1, length, CudaTensor.pitch(length), weight.bf16Address());
    } else {
      matrix(new Source(data), shape, weight.address());
    }
  }

  private void matrix(Source source, WeightShape shape, long to) {
    boolean byInputs = CudaWeight.isInputMajor(shape);
    long rows = byInputs ? shape.inputs() : shape.outputs();
    int width = Math.toIntExact(byInputs ? shape.outputs() : shape.inputs());
    int pitch = CudaWeight.pitch(shape);
    if (shape.type() == DType.BF16 && pitch == width) {
      copy(source, to, shape.bytes());
      return;
    }
    int rowBytes = width * shape.type().bytes();
    int most = Math.max(1, Scratch.SLAB_BYTES / rowBytes);
    for (long row = 0; row < rows; row += most) {
      int some = (int) Math.min(most, rows - row);
      copy(source, slab, (long) some * rowBytes);
      convert(shape.type(), "bf16", some, width, pitch, to + row * pitch * 2L);
    }
  }

  private void convert(DType from, String to, int rows, int width, int pitch, long address) {
    String entry = "%s_to_%s".formatted(from.name().toLowerCase(java.util.Locale.ROOT), to);
    kernels
        .get(KernelFile.CONVERT, entry)
        .launch(
            (int) StepLayout.divideUp(pitch, 128),
            Math.min(rows, 65535),
            128,
            0,
            arguments.start().i64(slab).i64(address).i32(rows).i32(width).i32(pitch),
            stream);
  }

  /** Copies the next bytes of a weight to the device. */
  private void copy(Source source, long to, long bytes) {
    long done = 0;
    while (done < bytes) {
      Stage stage = stages.remove();
      stages.add(stage);
      if (stage.used) {
        stage.copied.await();
      }
      int some = (int) Math.min(STAGE_BYTES, bytes - done);
      source.read(stage.buffer.bytes().duplicate().limit(some));
      stage.buffer.upload(0, to + done, some, stream);
      stage.copied.record(stream);
      stage.used = true;
      done += some;
    }
  }

  @Override
  public void close() {
    for (Stage stage : stages) {
      if (stage.used) {
        stage.copied.await();
      }
      stage.copied.close();
      stage.buffer.close();
    }
    stages.clear();
  }

  /** The bytes of a weight, range after range. */
  private static final class Source {
    private final Deque<ByteBuffer> ranges = new ArrayDeque<>();

    Source(WeightData data) {
      data.ranges().forEach(range -> ranges.add(range.duplicate()));
    }

    /** Fills the target to its limit. */
    void read(ByteBuffer target) {
      while (target.hasRemaining()) {
        ByteBuffer range = ranges.element();
        int some = Math.min(target.remaining(), range.remaining());
        target.put(range.slice().limit(some));
        range.position(range.position() + some);
        if (!range.hasRemaining()) {
          ranges.remove();
        }
      }
    }
  }
}
