package dev.millrace.engine.compute;

/** Memory of this JVM. */
final class HostMemory {
  private HostMemory() {}

  /**
   * Bytes the Java heap can still give: its maximum less what is in use. What is in use may hold
   * garbage, so this errs on the small side.
   */
  static long availableBytes() {
    Runtime runtime = Runtime.getRuntime();
    return runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory());
  }
}
