package dev.millrace.pipeline.group;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.FailureReason;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.JobDescription;
import dev.millrace.pipeline.store.StorageErrors;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Carries out the stage: reads and encodes all rows, merges equal requests, orders and chunks them,
 * and commits the result by renaming its folder.
 */
public final class Stager {
  /** Records held in memory before a sort spills: small beside any heap a job would be given. */
  private static final long SORT_BYTES_MAX = 64L << 20;

  /** Chunks end early rather than hold more prompt tokens than this. */
  private static final long CHUNK_TOKENS_MAX = 4L << 20;

  private final JobSettings settings;
  private final PromptEncoder encoder;
  private final JobDescription description;
  private final WorkFolder folder;
  private final Counters counters;
  private final CancelToken cancel;
  private final Path building;
  private final Path scratch;
  private final long sortBytes = Math.min(SORT_BYTES_MAX, Runtime.getRuntime().maxMemory() / 16);

  public Stager(
      JobSettings settings,
      PromptEncoder encoder,
      JobDescription description,
      WorkFolder folder,
      Counters counters,
      CancelToken cancel) {
    this.settings = settings;
    this.encoder = encoder;
    this.description = description;
    this.folder = folder;
    this.counters = counters;
    this.cancel = cancel;
    this.building = AtomicFiles.temporary(folder.stage());
    this.scratch = building.resolve("scratch");
  }

  /** Stages all rows and commits the result. */
  public StageManifest run(List<InputFile> files) {
    return StorageErrors.guard(
        folder.work(),
        () -> {
          AtomicFiles.delete(building);
          Files.createDirectories(building.resolve("chunks"));
          Files.createDirectories(scratch);
          StageManifest manifest = stage(files);
          AtomicFiles.delete(scratch);
          AtomicFiles.write(building.resolve(StageManifest.FILE), manifest.toJson());
          AtomicFiles.force(building.resolve("chunks"));
          AtomicFiles.force(building);
          Files.move(building, folder.stage(), StandardCopyOption.ATOMIC_MOVE);
          AtomicFiles.force(folder.work());
          return manifest;
        });
  }

  private StageManifest stage(List<InputFile> files) throws IOException {
    Path failures = building.resolve(StageManifest.FAILURES);
    try (SpillSorter records = new SpillSorter(scratch.resolve("records"), sortBytes);
        SpillSorter ids = new SpillSorter(scratch.resolve("ids"), sortBytes / 4)) {
      RowReading reading;
      Path failedRows = scratch.resolve("failed-rows");
      try (DataOutputStream failureOut = Scratch.output(failures);
          DataOutputStream failedRowOut = Scratch.output(failedRows)) {
        reading =
            new RowReading(settings, encoder, counters, cancel, records, ids)
                .read(files, failureOut, failedRowOut);
      }
      AtomicFiles.force(failures);
      checkUnique(ids);
      Plan plan = new Plan(reading);
      try (LongTable rows =
          LongTable.create(building.resolve(StageManifest.ROW_INDEX), reading.rows())) {
        placeFailures(rows, failedRows);
        place(records, rows, plan);
      }
      return plan.manifest();
    }
  }

  /** Ids sorted by hash: equal ones are neighbours. */
  private static void checkUnique(SpillSorter ids) throws IOException {
    try (SpillSorter.Sorted sorted = ids.sorted()) {
      RowReading.IdRecord previous = null;
      for (byte[] next = sorted.next(); next != null; next = sorted.next()) {
        RowReading.IdRecord id = new RowReading.IdRecord(next);
        if (previous != null && id.sameId(previous)) {
          throw new InvalidInputException(
              "expected row ids that are unique over all files, found "
                  + id.id()
                  + " in row "
                  + previous.position()
                  + " and in row "
                  + id.position()
                  + " (counted over all files from 0); make them unique or name no id column");
        }
        previous = id;
      }
    }
  }

  private static void placeFailures(LongTable rows, Path failedRows) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(failedRows)))) {
      while (true) {
        long position = in.readLong();
        rows.put(position, RowIndex.failureEntry(in.readLong()));
      }
    } catch (EOFException e) {
      return; // all read: the file holds nothing but pairs
    }
  }

  /**
   * Merges equal requests, orders the distinct ones, cuts them into chunks, fills the row index.
   */
  private void place(SpillSorter records, LongTable rows, Plan plan) throws IOException {
    Path members = scratch.resolve("members");
    try (RequestOrder order = new RequestOrder(scratch, sortBytes)) {
      try (SpillSorter.Sorted sorted = records.sorted();
          DataOutputStream memberOut = Scratch.output(members)) {
        StagedRecord previous = null;
        for (byte[] next = sorted.next(); next != null; next = sorted.next()) {
          StagedRecord record = new StagedRecord(next);
          if (previous == null || !record.sameRequest(previous)) {
            order.add(record);
            previous = record;
          } else {
            plan.duplicates++;
          }
          memberOut.writeLong(record.position());
          memberOut.writeLong(order.requests() - 1);
          cancel.check();
        }
      }
      try (LongTable places = LongTable.create(scratch.resolve("places"), order.requests())) {
        writeChunks(order, places, plan);
        fill(rows, places, members);
      }
    }
  }

  private void writeChunks(RequestOrder order, LongTable places, Plan plan) throws IOException {
    String model = description.entries().get("model");
    ChunkWriter chunk = null;
    try (RequestOrder.Ordered ordered = order.order()) {
      StagedRecord previous = null;
      for (StagedRecord next = ordered.next(); next != null; next = ordered.next()) {
        cancel.check();
        if (chunk != null && isFull(chunk, next)) {
          plan.chunks.add(chunk.finish());
          chunk.close();
          chunk = null;
        }
        if (chunk == null) {
          chunk = new ChunkWriter(building, plan.chunks.size(), model);
        }
        places.put(ordered.ordinal(), RowIndex.answerEntry(plan.chunks.size(), chunk.rows()));
        chunk.add(next);
        plan.count(next, previous);
        previous = next;
      }
      if (chunk != null) {
        plan.chunks.add(chunk.finish());
      }
    } finally {
      if (chunk != null) {
        chunk.close();
      }
    }
  }

  private boolean isFull(ChunkWriter chunk, StagedRecord next) {
    return chunk.rows() == settings.chunkRows()
        || chunk.promptTokens() + next.tokenCount() > CHUNK_TOKENS_MAX;
  }

  private static void fill(LongTable rows, LongTable places, Path members) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(members), 1 << 16))) {
      while (true) {
        long position = in.readLong();
        rows.put(position, places.get(in.readLong()));
      }
    } catch (EOFException e) {
      return; // all read: the file holds nothing but pairs
    }
  }

  /** What is learned of the work while it is placed. */
  private final class Plan {
    private final RowReading reading;
    private final List<Chunk> chunks = new ArrayList<>();
    private final long[] lengths = new long[encoder.contextTokensMax() + 1];
    private long requests;
    private long duplicates;
    private long promptTokens;
    private long sharedPrefixTokens;
    private long outputTokensMax;
    private int longest;

    Plan(RowReading reading) {
      this.reading = reading;
    }

    void count(StagedRecord request, StagedRecord before) {
      int tokens = request.tokenCount();
      requests++;
      lengths[tokens]++;
      promptTokens += tokens;
      outputTokensMax += request.outputTokensMax();
      longest = Math.max(longest, tokens + request.answerTokensMax());
      if (before != null) {
        // the last token of a prompt is always computed: its logits are needed
        int shared = Math.min(request.sharedTokens(before), tokens - 1);
        sharedPrefixTokens += shared - shared % StagePlan.PREFIX_BLOCK_TOKENS;
      }
    }

    private int percentile(double share) {
      long rank = Math.max(1, (long) Math.ceil(share * requests));
      long seen = 0;
      for (int length = 0; length < lengths.length; length++) {
        seen += lengths[length];
        if (seen >= rank) {
          return length;
        }
      }
      return 0; // no request at all
    }

    StageManifest manifest() {
      Map<FailureReason, Long> failures = new EnumMap<>(FailureReason.class);
      failures.putAll(reading.failures());
      return new StageManifest(
          description.fingerprint(),
          reading.files(),
          reading.rows(),
          failures,
          requests,
          duplicates,
          promptTokens,
          sharedPrefixTokens,
          outputTokensMax,
          longest,
          encoder.contextTokensMax(),
          new StagePlan.Distribution(
              percentile(0), percentile(0.5), percentile(0.9), percentile(0.99), percentile(1)),
          reading.shape(),
          settings.sampling(),
          chunks);
    }
  }
}
