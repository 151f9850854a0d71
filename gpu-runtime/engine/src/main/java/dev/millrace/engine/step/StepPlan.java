package dev.millrace.engine.step;

import java.util.List;

/**
 * What all ranks do in one step: a ragged batch of sequences, each with one or more tokens to
 * compute (a prefill chunk, or the one token of a decode step). Immutable by contract and identical
 * on every rank: ranks read it by reference and decide nothing themselves.
 *
 * @param tokenIds the tokens to compute, sequence after sequence; -1 - j stands for the token that
 *     logit task j of the step before draws, for a step planned before that one's result is in //
 *     (tokens)
 * @param positions position of each token in its sequence, from 0 // (tokens)
 * @param queryStarts where each sequence's tokens begin; the last entry is the token count //
 *     (sequences + 1)
 * @param contextTokens tokens of each sequence whose keys and values are in the cache after this
 *     step, those of this step included // (sequences)
 * @param blockTables KV blocks of each sequence, in order; block b holds positions b * 64 to b * 64
 *     + 63; one that a sequence of this step writes is in no other's table // (sequences)(blocks)
 * @param logitTasks what to do with logits, ascending in {@code tokenRow}; several may share a row
 */
@SuppressWarnings("ArrayRecordComponent")
public record StepPlan(
    int[] tokenIds,
    int[] positions,
    int[] queryStarts,
    int[] contextTokens,
    int[][] blockTables,
    List<LogitTask> logitTasks) {

  /** Tokens of one KV block. */
  public static final int BLOCK_TOKENS = 64;

  public StepPlan {
    logitTasks = List.copyOf(logitTasks);
    int sequences = contextTokens.length;
    if (positions.length != tokenIds.length
        || queryStarts.length != sequences + 1
        || blockTables.length != sequences
        || queryStarts[sequences] != tokenIds.length) {
      throw new IllegalArgumentException(
          "step plan arrays disagree: tokens %d, positions %d, query starts %d, sequences %d, block tables %d"
              .formatted(
                  tokenIds.length,
                  positions.length,
                  queryStarts.length,
                  sequences,
                  blockTables.length));
    }
  }

  public int tokens() {
    return tokenIds.length;
  }

  public int sequences() {
    return contextTokens.length;
  }
}
