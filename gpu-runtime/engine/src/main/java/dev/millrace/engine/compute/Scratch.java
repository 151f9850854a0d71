package dev.millrace.engine.compute;

/** A backend's own working memory, as its books show it. */
record Scratch(String name, long bytes) implements Allocation {
  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.SCRATCH;
  }
}
