package dev.millrace.engine.model;

import dev.millrace.api.engine.LoadPart;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.engine.step.StepExecutor;
import java.util.List;

/** A model that is loaded and carries out step plans. */
public interface ModelExecutor extends StepExecutor {

  /** What computes, for reports: for example {@code cpu-vector-512}. */
  String backend();

  /** Most tokens of a sequence. */
  int contextTokensMax();

  /**
   * A step of some more sequences than a multiple of this takes as long as one of the next
   * multiple; 1 where its time grows with each.
   */
  default int sequencesStep() {
    return 1;
  }

  /** A step's tokens are computed as if they were the next multiple of this. */
  default int rowsStep() {
    return 1;
  }

  /** Bytes by purpose of each rank, planned and taken. */
  List<MemoryEntry> memory();

  /** What loading went into, as far as it is known. */
  default List<LoadPart> loadParts() {
    return List.of();
  }
}
