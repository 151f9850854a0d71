package dev.millrace.pipeline.generate;

import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Counts what workers in other processes have done by reading the logs that they write: exact,
 * however often a worker starts anew, and the same for every runner.
 */
public final class JournalFollower {
  /** Of a record: its header, slot, version, three token counts, length of a failure's name. */
  private static final int HEAD_BYTES = ChunkLog.HEADER_BYTES + 4 + 1 + 3 * 4 + 4;

  private static final int READ_BYTES = 1 << 16;

  private final WorkFolder folder;
  private final Counters counters;
  private final List<Followed> open = new ArrayList<>();
  private final ByteBuffer buffer = ByteBuffer.allocate(READ_BYTES);

  /** A chunk that is not committed, and how far its log was read. */
  private static final class Followed {
    private final Chunk chunk;
    private long offset = Journal.HEADER_BYTES;
    private JournalTotals counted = JournalTotals.NONE;

    Followed(Chunk chunk) {
      this.chunk = chunk;
    }
  }

  /** Follows chunks; what their logs hold now counts as done by an earlier run. */
  public JournalFollower(WorkFolder folder, List<Chunk> chunks, Counters counters)
      throws IOException {
    this.folder = folder;
    this.counters = counters;
    for (Chunk chunk : chunks) {
      open.add(new Followed(chunk));
    }
    poll(true);
  }

  /** Counts what was added since the last call. */
  public void poll() throws IOException {
    poll(false);
  }

  private void poll(boolean resumed) throws IOException {
    Iterator<Followed> each = open.iterator();
    while (each.hasNext()) {
      Followed followed = each.next();
      if (Chunks.isCommitted(folder, followed.chunk)) {
        try (Journal journal = Journal.open(folder.journals(), followed.chunk)) {
          count(followed, journal.totals(), resumed);
        }
        counters.chunk();
        each.remove();
      } else {
        readLog(followed, resumed);
      }
    }
  }

  private void readLog(Followed followed, boolean resumed) throws IOException {
    Path path = ChunkLog.path(folder.journals(), followed.chunk);
    if (!Files.exists(path)) {
      return;
    }
    try (FileChannel log = FileChannel.open(path, StandardOpenOption.READ)) {
      JournalTotals totals = followed.counted;
      boolean more = true;
      while (more) {
        buffer.clear();
        more = log.read(buffer, followed.offset) == READ_BYTES;
        buffer.flip();
        int at = 0;
        while (buffer.limit() - at >= HEAD_BYTES) {
          int record = ChunkLog.HEADER_BYTES + buffer.getInt(at);
          if (record < HEAD_BYTES || followed.offset + record > log.size()) {
            more = false; // being written
            break;
          }
          totals = totals.plus(head(at));
          followed.offset += record;
          at += record;
        }
        more &= at > 0;
      }
      count(followed, totals, resumed);
    } catch (NoSuchFileException e) {
      return; // committed meanwhile: the next call sees the journal
    }
  }

  private JournalTotals head(int at) {
    int usage = at + ChunkLog.HEADER_BYTES + 4 + 1;
    boolean failed = buffer.getInt(usage + 12) >= 0;
    return new JournalTotals(
        1,
        failed ? 1 : 0,
        buffer.getInt(usage),
        buffer.getInt(usage + 4),
        buffer.getInt(usage + 8));
  }

  private void count(Followed followed, JournalTotals now, boolean resumed) {
    JournalTotals before = followed.counted;
    long failed = now.failed() - before.failed();
    for (long row = 0; row < now.requests() - before.requests(); row++) {
      counters.row(row < failed, resumed, 0, 0, 0);
    }
    counters.tokens(
        now.promptTokens() - before.promptTokens(),
        now.cachedTokens() - before.cachedTokens(),
        now.outputTokens() - before.outputTokens());
    followed.counted = now;
  }
}
