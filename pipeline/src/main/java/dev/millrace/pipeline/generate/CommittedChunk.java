package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.group.Chunk;

/** A chunk that was committed already, by a worker that then was lost: there is nothing to do. */
record CommittedChunk(Chunk chunk, JournalTotals totals) implements RequestBatch<ChunkResult> {
  @Override
  public GenerationRequest next() {
    return null;
  }

  @Override
  public void accept(GenerationRequest request, Completion completion) {
    throw new IllegalStateException("a committed chunk asks for nothing");
  }

  @Override
  public ChunkResult finish() {
    return new ChunkResult(chunk.number(), totals.requests(), totals);
  }

  @Override
  public void close() {}
}
