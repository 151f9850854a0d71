package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.group.ChunkReader;
import dev.millrace.pipeline.group.ChunkRequest;
import dev.millrace.pipeline.group.SamplingJson;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.store.StorageErrors;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.util.IdentityHashMap;

/**
 * A chunk as a batch of requests: answers go to its log as they come, and become its journal when
 * all are there. What the log holds from an earlier run is not asked again.
 */
final class ChunkBatch implements RequestBatch<ChunkResult> {
  private final WorkFolder folder;
  private final Chunk chunk;
  private final SamplingSettings sampling;
  private final RunContext run;
  private final Counters counters;
  private final ChunkReader reader;
  private final ChunkLog log;
  private final IdentityHashMap<GenerationRequest, Integer> slots = new IdentityHashMap<>();
  private final long resumed;
  private IOException failure;
  private boolean closed;
  private boolean committed;

  private ChunkBatch(WorkFolder folder, Chunk chunk, SamplingSettings sampling, RunContext run)
      throws IOException {
    this.folder = folder;
    this.chunk = chunk;
    this.sampling = sampling;
    this.run = run;
    this.counters = run.counters();
    this.reader = new ChunkReader(folder.stage(), chunk);
    ChunkLog opened = null;
    try {
      opened = new ChunkLog(folder.journals(), chunk);
    } finally {
      if (opened == null) {
        reader.close();
      }
    }
    this.log = opened;
    this.resumed = log.totals().requests();
    Chunks.countResumed(counters, log.totals());
    run.batchOpened();
  }

  /**
   * Opens chunks of a stage.
   *
   * @param folder the work folder
   * @param sampling settings of requests that have none of their own
   * @param run id of the run, for its counters
   */
  record Opener(WorkFolder folder, SamplingSettings sampling, String run)
      implements RequestBatch.Opener<Chunk, ChunkResult> {
    @Override
    public RequestBatch<ChunkResult> open(Chunk descriptor) {
      RunContext context = RunContext.find(run);
      Chunk chunk = context.take(descriptor);
      return StorageErrors.guard(
          folder.journals(),
          () -> {
            Files.createDirectories(folder.journals());
            return open(chunk, context);
          });
    }

    /** A client elsewhere wants to know; one in this process asks the engine itself. */
    @Override
    public void used(EngineLease engine) {
      if (run != null && !RunContext.isOpen(run)) {
        WorkerRecord record = WorkerRecord.of(engine);
        StorageErrors.guard(
            folder.work(),
            () -> {
              record.write(folder, run);
              return null;
            });
      }
    }

    /** Another worker may have committed it, or may do so while this one waits for its log. */
    private RequestBatch<ChunkResult> open(Chunk chunk, RunContext context) throws IOException {
      if (Journal.isCommitted(folder.journals(), chunk)) {
        return committed(chunk);
      }
      ChunkBatch batch = new ChunkBatch(folder, chunk, sampling, context);
      if (!Journal.isCommitted(folder.journals(), chunk)) {
        return batch;
      }
      batch.close();
      Files.deleteIfExists(ChunkLog.path(folder.journals(), chunk));
      return committed(chunk);
    }

    private CommittedChunk committed(Chunk chunk) throws IOException {
      try (Journal journal = Journal.open(folder.journals(), chunk)) {
        return new CommittedChunk(chunk, journal.totals());
      }
    }
  }

  @Override
  public GenerationRequest next() {
    ChunkRequest row = StorageErrors.guard(folder.stage(), this::nextOpen);
    if (row == null) {
      return null;
    }
    SamplingSettings settings = SamplingJson.read(row.sampling(), sampling);
    Prompt continuation = row.continuation() == null ? null : new Prompt.Text(row.continuation());
    if (continuation != null && settings.logprobs() == null) {
      settings = settings.toBuilder().logprobs(1).build(); // tells whether greedy would say it
    }
    GenerationRequest request =
        new GenerationRequest(row.id(), new Prompt.Tokens(row.tokens()), continuation, settings);
    synchronized (this) {
      slots.put(request, row.slot());
    }
    return request;
  }

  /** The next row that has no answer yet, or null. */
  private ChunkRequest nextOpen() throws IOException {
    ChunkRequest row = reader.next();
    while (row != null && answered(row.slot())) {
      row = reader.next();
    }
    return row;
  }

  private synchronized boolean answered(int slot) {
    return log.has(slot);
  }

  @Override
  public synchronized void accept(GenerationRequest request, Completion completion) {
    int slot = slots.remove(request);
    if (failure != null || closed) {
      return;
    }
    try {
      log.append(slot, completion);
      counters.row(
          completion.isFailed(),
          false,
          completion.usage().promptTokens(),
          completion.usage().cachedTokens(),
          completion.usage().outputTokens());
    } catch (IOException e) {
      failure = e;
    }
  }

  @Override
  public synchronized ChunkResult finish() {
    JournalTotals totals =
        StorageErrors.guard(
            folder.journals(),
            () -> {
              if (failure != null) {
                throw failure;
              }
              return log.commit(folder.journals());
            });
    counters.chunk();
    committed = true;
    return new ChunkResult(chunk.number(), resumed, totals);
  }

  @Override
  public void close() throws IOException {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      log.close();
    }
    reader.close();
    run.batchClosed();
    if (committed) {
      run.holdAtEnd();
    }
  }
}
