package dev.millrace.pipeline.group;

import dev.millrace.pipeline.job.StagePlan;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Puts the distinct requests into the order of work. Requests sorted by tokens have their shared
 * prefixes side by side; they are cut into groups that share at least one block of the prefix cache
 * more than all requests share, groups into subgroups that share one block more than their group.
 * Groups, then subgroups, go longest first, so that what is started last is short. All in files:
 * memory does not grow with the requests.
 */
final class RequestOrder implements Closeable {
  private static final int BLOCK = StagePlan.PREFIX_BLOCK_TOKENS;

  private final Path folder;
  private final long memoryBytes;
  private final Path entries;
  private final DataOutputStream entryOut;
  private final DataOutputStream recordOut;
  private final FileChannel records;
  private long offset;
  private long requests;
  private int sharedByAll = Integer.MAX_VALUE;
  private StagedRecord previous;

  RequestOrder(Path folder, long memoryBytes) throws IOException {
    this.folder = folder;
    this.memoryBytes = memoryBytes;
    this.entries = folder.resolve("entries");
    this.entryOut = Scratch.output(entries);
    Path recordFile = folder.resolve("requests");
    this.recordOut = Scratch.output(recordFile);
    this.records = FileChannel.open(recordFile, StandardOpenOption.READ);
  }

  private static DataInputStream input(Path path) throws IOException {
    return new DataInputStream(new BufferedInputStream(Files.newInputStream(path), 1 << 16));
  }

  /** One request in token order. */
  private record Entry(long offset, int bytes, int shared, int expectedTokens) {
    static Entry read(DataInputStream in) throws IOException {
      return new Entry(in.readLong(), in.readInt(), in.readInt(), in.readInt());
    }
  }

  /** Neighbours that share a prefix: how many, the longest, and the tokens that all share. */
  private record Group(long size, int expectedTokensMax, int shared) {
    static Group read(DataInputStream in) throws IOException {
      return new Group(in.readLong(), in.readInt(), in.readInt());
    }
  }

  /** Adds the next distinct request in token order; its ordinal is the count of those before. */
  void add(StagedRecord request) throws IOException {
    int shared = previous == null ? 0 : request.sharedTokens(previous);
    if (previous != null) {
      sharedByAll = Math.min(sharedByAll, shared);
    }
    entryOut.writeLong(offset);
    entryOut.writeInt(request.bytes().length);
    entryOut.writeInt(shared);
    entryOut.writeInt((int) Math.min(Integer.MAX_VALUE, expectedTokens(request)));
    recordOut.write(request.bytes());
    offset += request.bytes().length;
    requests++;
    previous = request;
  }

  private static long expectedTokens(StagedRecord request) {
    return request.tokenCount() + request.outputTokensMax();
  }

  long requests() {
    return requests;
  }

  /** Sorts; then {@link Ordered#next} gives the requests in the order of work. */
  Ordered order() throws IOException {
    entryOut.close();
    recordOut.close();
    previous = null;
    int all = requests > 1 ? sharedByAll : 0;
    Path groups = folder.resolve("groups");
    Path subgroups = folder.resolve("subgroups");
    writeGroups(groups, all);
    writeSubgroups(groups, subgroups);
    SpillSorter sorter = new SpillSorter(folder.resolve("order"), memoryBytes);
    writeKeys(groups, subgroups, sorter);
    return new Ordered(sorter);
  }

  /** Collects neighbours into groups and writes each when it ends. */
  private static final class GroupWriter {
    private final DataOutputStream out;
    private long size;
    private int longest;
    private int shared = Integer.MAX_VALUE;

    GroupWriter(DataOutputStream out) {
      this.out = out;
    }

    void add(Entry entry, int threshold) throws IOException {
      if (size > 0 && entry.shared() < threshold) {
        end();
      }
      if (size > 0) {
        shared = Math.min(shared, entry.shared());
      }
      size++;
      longest = Math.max(longest, entry.expectedTokens());
    }

    void end() throws IOException {
      if (size > 0) {
        out.writeLong(size);
        out.writeInt(longest);
        out.writeInt(shared);
      }
      size = 0;
      longest = 0;
      shared = Integer.MAX_VALUE;
    }
  }

  private void writeGroups(Path groups, int sharedTokens) throws IOException {
    try (DataInputStream in = input(entries);
        DataOutputStream out = Scratch.output(groups)) {
      GroupWriter writer = new GroupWriter(out);
      for (long i = 0; i < requests; i++) {
        writer.add(Entry.read(in), sharedTokens + BLOCK);
      }
      writer.end();
    }
  }

  private void writeSubgroups(Path groups, Path subgroups) throws IOException {
    try (DataInputStream in = input(entries);
        DataInputStream groupIn = input(groups);
        DataOutputStream out = Scratch.output(subgroups)) {
      GroupWriter writer = new GroupWriter(out);
      for (long done = 0; done < requests; ) {
        Group group = Group.read(groupIn);
        int threshold = group.size() == 1 ? 0 : group.shared() + BLOCK;
        for (long i = 0; i < group.size(); i++) {
          writer.add(Entry.read(in), threshold);
        }
        writer.end();
        done += group.size();
      }
    }
  }

  /** A key sorts by group (longest first), subgroup (longest first), then token order. */
  private void writeKeys(Path groups, Path subgroups, SpillSorter sorter) throws IOException {
    try (DataInputStream in = input(entries);
        DataInputStream groupIn = input(groups);
        DataInputStream subgroupIn = input(subgroups)) {
      long ordinal = 0;
      while (ordinal < requests) {
        Group group = Group.read(groupIn);
        long groupStart = ordinal;
        while (ordinal < groupStart + group.size()) {
          Group subgroup = Group.read(subgroupIn);
          for (long i = 0; i < subgroup.size(); i++) {
            Entry entry = Entry.read(in);
            sorter.add(
                ByteBuffer.allocate(4 + 8 + 4 + 8 + 8 + 4)
                    .putInt(Integer.MAX_VALUE - group.expectedTokensMax())
                    .putLong(groupStart)
                    .putInt(Integer.MAX_VALUE - subgroup.expectedTokensMax())
                    .putLong(ordinal)
                    .putLong(entry.offset())
                    .putInt(entry.bytes())
                    .array());
            ordinal++;
          }
        }
      }
    }
  }

  @Override
  public void close() throws IOException {
    entryOut.close();
    recordOut.close();
    records.close();
  }

  /** The requests in the order of work. */
  final class Ordered implements Closeable {
    private final SpillSorter sorter;
    private final SpillSorter.Sorted keys;
    private long ordinal;

    private Ordered(SpillSorter sorter) throws IOException {
      this.sorter = sorter;
      this.keys = sorter.sorted();
    }

    /** The next request, or null at the end. */
    StagedRecord next() throws IOException {
      byte[] key = keys.next();
      if (key == null) {
        return null;
      }
      ByteBuffer fields = ByteBuffer.wrap(key, 16, key.length - 16);
      ordinal = fields.getLong();
      long from = fields.getLong();
      ByteBuffer record = ByteBuffer.allocate(fields.getInt());
      while (record.hasRemaining()) {
        if (records.read(record, from + record.position()) < 0) {
          throw new IOException("a spill file ended early: " + folder);
        }
      }
      return new StagedRecord(record.array());
    }

    /** Ordinal, in token order, of the request that {@link #next} gave last. */
    long ordinal() {
      return ordinal;
    }

    @Override
    public void close() throws IOException {
      keys.close();
      sorter.close();
    }
  }
}
