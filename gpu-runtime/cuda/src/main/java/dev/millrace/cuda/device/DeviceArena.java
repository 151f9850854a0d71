package dev.millrace.cuda.device;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/**
 * Device memory for one purpose, taken whole when it is opened and handed out piece after piece.
 * Pieces are given back all at once, by closing. Holds zeros at first.
 */
public final class DeviceArena implements AutoCloseable {
  /** Every piece starts on a multiple of this many bytes. */
  public static final int ALIGNMENT_BYTES = 256;

  private static final class Base extends CUdeviceptr {
    long address() {
      return getNativePointer() + getByteOffset();
    }
  }

  private final String purpose;
  private final long bytes;
  private final boolean unbounded;
  private final Base base = new Base();
  private final List<Base> pieces = new ArrayList<>();
  private long used;
  private boolean closed;

  private DeviceArena(String purpose, long bytes, boolean unbounded) {
    this.purpose = purpose;
    this.bytes = bytes;
    this.unbounded = unbounded;
  }

  /** An arena without a plan, for tests: every piece is taken when it is asked for. */
  public static DeviceArena unbounded(String purpose) {
    return new DeviceArena(purpose, 0, true);
  }

  /**
   * Takes memory of the current device.
   *
   * @throws CudaException if there is not as much
   */
  public static DeviceArena open(String purpose, long bytes) {
    DeviceArena arena = new DeviceArena(purpose, bytes, false);
    if (bytes > 0) {
      Driver.check(
          JCudaDriver.cuMemAlloc(arena.base, bytes),
          "taking %d bytes for %s".formatted(bytes, purpose));
      clear(arena.base, bytes);
    }
    return arena;
  }

  /** What a piece of so many bytes takes. */
  public static long pieceBytes(long bytes) {
    return (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
  }

  /**
   * Hands out the next piece.
   *
   * @return its address
   */
  public long take(String name, long bytes) {
    long piece = pieceBytes(bytes);
    if (unbounded) {
      return takeAlone(name, Math.max(piece, ALIGNMENT_BYTES));
    }
    if (used + piece > this.bytes) {
      throw new IllegalStateException(
          "%s: %s takes %d bytes, %d of %d are left; the plan does not count it"
              .formatted(purpose, name, piece, this.bytes - used, this.bytes));
    }
    long address = base.address() + used;
    used += piece;
    return address;
  }

  public long bytes() {
    return bytes;
  }

  private long takeAlone(String name, long piece) {
    Base own = new Base();
    Driver.check(
        JCudaDriver.cuMemAlloc(own, piece), "taking %d bytes for %s".formatted(piece, name));
    pieces.add(own);
    clear(own, piece);
    return own.address();
  }

  /** Done when this returns: the driver fills memory in the order of no stream but its own. */
  private static void clear(CUdeviceptr start, long count) {
    Driver.check(JCudaDriver.cuMemsetD8(start, (byte) 0, count), "clearing memory");
    Driver.check(JCudaDriver.cuCtxSynchronize(), "clearing memory");
  }

  /** Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (Base piece : pieces) {
      Driver.check(JCudaDriver.cuMemFree(piece), "giving back a piece of " + purpose);
    }
    if (bytes > 0) {
      Driver.check(JCudaDriver.cuMemFree(base), "giving back " + purpose);
    }
  }
}
