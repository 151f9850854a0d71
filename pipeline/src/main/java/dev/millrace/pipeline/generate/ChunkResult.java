package dev.millrace.pipeline.generate;

import java.io.Serializable;

/**
 * A committed chunk.
 *
 * @param chunk its number
 * @param resumedRequests requests that an earlier run had answered
 * @param totals sums over all its requests
 */
public record ChunkResult(int chunk, long resumedRequests, JournalTotals totals)
    implements Serializable {}
