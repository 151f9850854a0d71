package dev.millrace.pipeline.group;

import dev.millrace.pipeline.store.AtomicFiles;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.PriorityQueue;

/**
 * Sorts records, byte arrays compared as unsigned bytes, in bounded memory: sorted runs are spilled
 * to files and merged while they are read back.
 */
final class SpillSorter implements Closeable {
  /** Runs merged at once; more are first merged into fewer. */
  static final int FAN_IN = 64;

  private static final int RECORD_OVERHEAD_BYTES = 24;
  private static final int BUFFER_BYTES = 1 << 16;

  private final Path folder;
  private final long memoryBytes;
  private final List<Path> runs = new ArrayList<>();
  private List<byte[]> pending = new ArrayList<>();
  private long pendingBytes;
  private int runsMade;

  /**
   * @param folder for the runs, created here, removed by {@link #close}
   * @param memoryBytes records held in memory before they are spilled
   */
  SpillSorter(Path folder, long memoryBytes) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.memoryBytes = memoryBytes;
  }

  void add(byte[] record) throws IOException {
    pending.add(record);
    pendingBytes += record.length + RECORD_OVERHEAD_BYTES;
    if (pendingBytes >= memoryBytes) {
      spill();
    }
  }

  private void spill() throws IOException {
    pending.sort(Arrays::compareUnsigned);
    Path run = nextRun();
    try (DataOutputStream out = output(run)) {
      for (byte[] record : pending) {
        out.writeInt(record.length);
        out.write(record);
      }
    }
    runs.add(run);
    pending = new ArrayList<>();
    pendingBytes = 0;
  }

  private Path nextRun() {
    return folder.resolve("run-" + runsMade++);
  }

  private static DataOutputStream output(Path run) throws IOException {
    return new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(run), BUFFER_BYTES));
  }

  /** All records in order; add no more. */
  Sorted sorted() throws IOException {
    if (runs.isEmpty()) {
      pending.sort(Arrays::compareUnsigned);
      return new InMemory(pending);
    }
    if (!pending.isEmpty()) {
      spill();
    }
    while (runs.size() > FAN_IN) {
      List<Path> oldest = new ArrayList<>(runs.subList(0, FAN_IN));
      runs.subList(0, FAN_IN).clear();
      Path merged = nextRun();
      try (Sorted records = new Merge(oldest);
          DataOutputStream out = output(merged)) {
        for (byte[] record = records.next(); record != null; record = records.next()) {
          out.writeInt(record.length);
          out.write(record);
        }
      }
      for (Path run : oldest) {
        Files.delete(run);
      }
      runs.add(merged);
    }
    return new Merge(runs);
  }

  @Override
  public void close() throws IOException {
    AtomicFiles.delete(folder);
  }

  /** Records in order. */
  interface Sorted extends Closeable {
    /** The next record, or null at the end. */
    byte[] next() throws IOException;
  }

  private static final class InMemory implements Sorted {
    private final List<byte[]> records;
    private int position;

    InMemory(List<byte[]> records) {
      this.records = records;
    }

    @Override
    public byte[] next() {
      return position < records.size() ? records.get(position++) : null;
    }

    @Override
    public void close() {}
  }

  private static final class Merge implements Sorted {
    private final PriorityQueue<Run> heads =
        new PriorityQueue<>((a, b) -> Arrays.compareUnsigned(a.head, b.head));
    private final List<Run> open = new ArrayList<>();

    Merge(List<Path> runs) throws IOException {
      for (Path path : runs) {
        Run run = new Run(path);
        open.add(run);
        if (run.advance()) {
          heads.add(run);
        }
      }
    }

    @Override
    public byte[] next() throws IOException {
      Run least = heads.poll();
      if (least == null) {
        return null;
      }
      byte[] record = least.head;
      if (least.advance()) {
        heads.add(least);
      }
      return record;
    }

    @Override
    public void close() throws IOException {
      for (Run run : open) {
        run.in.close();
      }
    }
  }

  private static final class Run {
    private final DataInputStream in;
    private byte[] head;

    Run(Path path) throws IOException {
      in = new DataInputStream(new BufferedInputStream(Files.newInputStream(path), BUFFER_BYTES));
    }

    boolean advance() throws IOException {
      int length;
      try {
        length = in.readInt();
      } catch (EOFException e) {
        return false; // the run's end
      }
      head = new byte[length];
      in.readFully(head);
      return true;
    }
  }
}
