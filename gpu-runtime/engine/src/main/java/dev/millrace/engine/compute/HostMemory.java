package dev.millrace.engine.compute;

/** Memory of this JVM. */
final class HostMemory {
  private HostMemory() {}

  /**
   * Bytes the Java heap can still give: its maximum less what is in use after a collection, since
   * garbage counts as used. Slow: for planning alone.
   */
  static long availableBytes() {
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.maxMemory() - (runtime.totalMemory() - runtime.freeMemory());
  }
}
