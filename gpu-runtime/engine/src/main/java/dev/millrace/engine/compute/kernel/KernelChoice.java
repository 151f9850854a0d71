package dev.millrace.engine.compute.kernel;

/** Which of the twins computes. */
public enum KernelChoice {
  /** The Vector API. */
  VECTOR,
  /** Plain Java. */
  PLAIN;

  private static final String MODULE = "jdk.incubator.vector";

  /** The fastest that this JVM offers. */
  public static KernelChoice fastest() {
    return VECTOR.isOffered() ? VECTOR : PLAIN;
  }

  /**
   * Whether this JVM offers it: the Vector API needs its module and registers of 128 to 512 bits.
   */
  public boolean isOffered() {
    return this == PLAIN
        || ModuleLayer.boot().findModule(MODULE).isPresent() && VectorKernels.fits();
  }

  /**
   * Kernels for one thread.
   *
   * @throws IllegalStateException if the JVM does not offer it
   */
  public Kernels create() {
    if (!isOffered()) {
      throw new IllegalStateException(
          "the Vector API is not there, or its registers are not of 128, 256 or 512 bits; start java with --add-modules "
              + MODULE
              + ", or use the plain kernels");
    }
    return this == VECTOR ? new VectorKernels() : new PlainKernels();
  }
}
