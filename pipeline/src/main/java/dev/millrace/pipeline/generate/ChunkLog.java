package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.LockSupport;

/**
 * Completions of a chunk in the order in which they come: the work that a killed job leaves behind.
 * Each is one write, so a kill loses at most the record being written; the next run replays what is
 * whole and goes on behind it.
 *
 * <pre>
 * 40 bytes  header as in a journal
 * records   length (4), CRC-32 (4), slot (4), completion (CompletionCodec)
 * </pre>
 */
final class ChunkLog implements Closeable {
  private static final Duration LOCKED_AT_MOST = Duration.ofSeconds(40);
  private static final long LOCK_POLL_NANOS = 50_000_000;
  static final int HEADER_BYTES = Journal.RECORD_HEADER_BYTES;

  private final Path path;
  private final Chunk chunk;
  private final FileChannel channel;
  private final long[] offsets; // of each slot's record, 0 for none
  private JournalTotals totals = JournalTotals.NONE;
  private long end;

  ChunkLog(Path journals, Chunk chunk) throws IOException {
    this.path = path(journals, chunk);
    this.chunk = chunk;
    this.offsets = new long[chunk.rows()];
    this.channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    boolean ours = false;
    try {
      lock();
      begin();
      ours = true;
    } finally {
      if (!ours) {
        channel.close();
      }
    }
  }

  /** A worker that its cluster has given up may still be writing; the kernel knows. */
  private void lock() throws IOException {
    long deadline = System.nanoTime() + LOCKED_AT_MOST.toNanos();
    while (!tryLock()) {
      if (System.nanoTime() > deadline) {
        throw new RetryableException(
            "another worker has held the log of chunk "
                + chunk.number()
                + " for "
                + LOCKED_AT_MOST.toSeconds()
                + " s (log="
                + path
                + "); end the job that it belongs to, then start the same command again");
      }
      LockSupport.parkNanos(LOCK_POLL_NANOS);
      if (Thread.currentThread().isInterrupted()) {
        throw new JobCancelledException("interrupted while another worker held a chunk");
      }
    }
  }

  private boolean tryLock() throws IOException {
    try {
      return channel.tryLock() != null; // let go of with the channel
    } catch (OverlappingFileLockException e) {
      return false; // held by this very process
    }
  }

  private void begin() throws IOException {
    if (!replay()) {
      Arrays.fill(offsets, 0);
      totals = JournalTotals.NONE;
      channel.truncate(0);
      end = write(ByteBuffer.wrap(Journal.header(chunk)), 0);
    }
    channel.truncate(end);
  }

  static Path path(Path journals, Chunk chunk) {
    return journals.resolve(chunk.hash() + ".log");
  }

  /** Reads whole records; false if the log is not this chunk's. */
  private boolean replay() throws IOException {
    byte[] header = Journal.header(chunk);
    ByteBuffer start = ByteBuffer.allocate(header.length);
    channel.read(start, 0);
    if (!Arrays.equals(start.array(), header)) {
      return false;
    }
    end = header.length;
    byte[] record = record(end);
    while (record != null) {
      int slot = ByteBuffer.wrap(record).getInt();
      Completion completion = completion(record);
      if (slot < 0 || slot >= offsets.length || offsets[slot] != 0) {
        return true; // not ours to trust: what follows is cut off
      }
      offsets[slot] = end;
      totals = totals.plus(completion);
      end += HEADER_BYTES + record.length;
      record = record(end);
    }
    return true;
  }

  private static Completion completion(byte[] record) throws IOException {
    return CompletionCodec.read(
        new DataInputStream(
            new ByteArrayInputStream(record, Integer.BYTES, record.length - Integer.BYTES)),
        "");
  }

  /** The record at an offset, or null if there is no whole one. */
  private byte[] record(long offset) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    if (!fill(header, offset)) {
      return null;
    }
    int length = header.getInt(0);
    if (length < Integer.BYTES || offset + HEADER_BYTES + length > channel.size()) {
      return null;
    }
    ByteBuffer record = ByteBuffer.allocate(length);
    boolean whole = fill(record, offset + HEADER_BYTES);
    return whole && Journal.crc(record.array(), 0, length) == header.getInt(4)
        ? record.array()
        : null;
  }

  private boolean fill(ByteBuffer buffer, long offset) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, offset + buffer.position()) < 0) {
        return false;
      }
    }
    return true;
  }

  private long write(ByteBuffer bytes, long offset) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
    return at;
  }

  boolean has(int slot) {
    return offsets[slot] != 0;
  }

  JournalTotals totals() {
    return totals;
  }

  void append(int slot, Completion completion) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeLong(0); // length and checksum, below
    out.writeInt(slot);
    CompletionCodec.write(out, completion);
    byte[] record = bytes.toByteArray();
    int length = record.length - HEADER_BYTES;
    ByteBuffer buffer = ByteBuffer.wrap(record);
    buffer.putInt(0, length).putInt(4, Journal.crc(record, HEADER_BYTES, length));
    long next = write(buffer, end);
    offsets[slot] = end;
    end = next;
    totals = totals.plus(completion);
  }

  /** Writes the journal, all slots in order, and removes the log. */
  JournalTotals commit(Path journals) throws IOException {
    try (Journal.Writer journal = new Journal.Writer(journals, chunk)) {
      for (int slot = 0; slot < offsets.length; slot++) {
        byte[] record = offsets[slot] == 0 ? null : record(offsets[slot]);
        if (record == null) {
          throw new IOException("the log " + path + " has lost slot " + slot);
        }
        journal.add(Arrays.copyOfRange(record, Integer.BYTES, record.length));
      }
      journal.commit(totals);
    }
    Files.deleteIfExists(path);
    return totals;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
