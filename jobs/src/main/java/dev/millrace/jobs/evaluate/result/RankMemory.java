package dev.millrace.jobs.evaluate.result;

import java.util.Objects;

/**
 * Memory of one purpose, equal on every rank.
 *
 * @param purpose for example {@code weights}
 * @param plannedBytes before anything was taken
 * @param usedBytes taken
 */
public record RankMemory(String purpose, long plannedBytes, long usedBytes) {
  public RankMemory {
    Objects.requireNonNull(purpose, "purpose");
  }
}
