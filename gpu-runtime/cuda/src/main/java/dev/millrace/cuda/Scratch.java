package dev.millrace.cuda;

import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;

/**
 * A backend's own device memory: what {@link #bytes} says to the byte.
 *
 * @param step the step's memory, see {@link StepLayout}
 * @param partials of decode attention
 * @param workspace of cuBLASLt, and of products with int4 weights
 * @param gates counts of products that apply the activation; zero between launches
 * @param slab where weights are converted, and int4 weights become bf16 piece by piece
 * @param tasks logit tasks and their answers
 * @param exchange what the other ranks read
 */
record Scratch(
    long bytes,
    long step,
    long partials,
    long workspace,
    long gates,
    long slab,
    long tasks,
    long exchange)
    implements Allocation {

  /** Most of a weight that is bf16 at once. */
  static final int SLAB_BYTES = 64 << 20;

  static long bytes(StepLimits limits, int ranks) {
    StepLayout layout = StepLayout.of(limits);
    return DeviceArena.pieceBytes(layout.bytes())
        + DeviceArena.pieceBytes(layout.partialBytes())
        + DeviceArena.pieceBytes(Matmuls.WORKSPACE_BYTES)
        + DeviceArena.pieceBytes(FusedInt4.GATES_BYTES)
        + DeviceArena.pieceBytes(SLAB_BYTES)
        + DeviceArena.pieceBytes(TaskLayout.of(limits).bytes())
        + DeviceArena.pieceBytes(Exchange.bytes(limits, ranks));
  }

  static Scratch take(StepLimits limits, int ranks, DeviceArena arena) {
    StepLayout layout = StepLayout.of(limits);
    return new Scratch(
        bytes(limits, ranks),
        arena.take("step", layout.bytes()),
        arena.take("partials", layout.partialBytes()),
        arena.take("matmul workspace", Matmuls.WORKSPACE_BYTES),
        arena.take("gates", FusedInt4.GATES_BYTES),
        arena.take("slab", SLAB_BYTES),
        arena.take("tasks", TaskLayout.of(limits).bytes()),
        arena.take("exchange", Exchange.bytes(limits, ranks)));
  }

  @Override
  public String name() {
    return "backend scratch";
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.SCRATCH;
  }
}
