package dev.millrace.engine.compute;

/** Something that holds memory of one rank until it is released; opaque but for its size. */
public interface Allocation {

  /** Name in plans, reports and errors, for example {@code layers.3.qkv}. */
  String name();

  MemoryPurpose purpose();

  /** Bytes taken of the rank's memory. */
  long bytes();
}
