package dev.millrace.jobs.evaluate.result;

import java.util.List;
import java.util.Objects;

/**
 * What the engine took and did; of the last start of the engine if the night was interrupted.
 *
 * @param backend for example {@code cpu-vector-512}
 * @param ranks tensor-parallel ranks
 * @param sequencesMax most sequences in one step
 * @param contextTokensMax most tokens of prompt and output
 * @param memoryPerRank by purpose
 * @param steps model steps
 * @param sequencesPerStep mean occupancy
 * @param computedTokens tokens that went through the model
 * @param modelSeconds in the model
 * @param idleSeconds with nothing to do
 */
public record EngineTotals(
    String backend,
    int ranks,
    int sequencesMax,
    int contextTokensMax,
    List<RankMemory> memoryPerRank,
    long steps,
    double sequencesPerStep,
    long computedTokens,
    double modelSeconds,
    double idleSeconds) {
  public EngineTotals {
    Objects.requireNonNull(backend, "backend");
    memoryPerRank = List.copyOf(memoryPerRank);
  }
}
