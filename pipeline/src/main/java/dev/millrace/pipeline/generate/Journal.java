package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.CRC32;

/**
 * What became of a chunk's requests: a committed file named by the chunk's hash.
 *
 * <pre>
 * 8 bytes   magic MILLJRN1
 * 32 bytes  the chunk's hash, ASCII
 * records   one a slot, in slot order: length (4), CRC-32 (4), completion (CompletionCodec)
 * table     one 8-byte offset of a record a slot
 * totals    five 8-byte sums: requests, failed, prompt, cached and output tokens
 * footer    offset of the table (8), slots (4), CRC-32 of table and totals (4), magic (8)
 * </pre>
 *
 * Numbers are big-endian. Small journals are mapped into memory, large ones read by position.
 */
public final class Journal implements Closeable {
  static final byte[] MAGIC = "MILLJRN1".getBytes(StandardCharsets.US_ASCII);
  static final int HASH_BYTES = 32;
  static final int HEADER_BYTES = 40;
  static final int RECORD_HEADER_BYTES = 8;
  private static final int FOOTER_BYTES = 24;
  private static final long MAPPED_BYTES_MAX = 1L << 30;

  private final Path path;
  private final FileChannel channel;
  private final ByteBuffer mapped; // null for a large journal
  private final ByteBuffer table;
  private final JournalTotals totals;

  private Journal(Path path) throws IOException {
    this.path = path;
    FileChannel opened = FileChannel.open(path, StandardOpenOption.READ);
    long size = opened.size();
    if (size <= MAPPED_BYTES_MAX) {
      mapped = opened.map(FileChannel.MapMode.READ_ONLY, 0, size);
      opened.close();
      channel = null;
    } else {
      mapped = null;
      channel = opened;
    }
    ByteBuffer footer = bytes(size - FOOTER_BYTES, FOOTER_BYTES);
    long tableOffset = footer.getLong();
    int slots = footer.getInt();
    ByteBuffer tail = bytes(tableOffset, slots * Long.BYTES + JournalTotals.BYTES);
    CRC32 crc = new CRC32();
    crc.update(tail.duplicate());
    if ((int) crc.getValue() != footer.getInt()) {
      close();
      throw damaged(path, "its table does not match its checksum");
    }
    table = tail.slice(0, slots * Long.BYTES);
    totals = JournalTotals.read(tail.position(slots * Long.BYTES));
  }

  /** The place of a chunk's journal. */
  public static Path path(Path journals, Chunk chunk) {
    return journals.resolve(chunk.hash() + ".journal");
  }

  /** Whether a chunk's journal is there and whole. */
  static boolean isCommitted(Path journals, Chunk chunk) throws IOException {
    Path path = path(journals, chunk);
    if (!Files.exists(path)) {
      return false;
    }
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = file.size();
      int head = MAGIC.length + HASH_BYTES;
      if (size < head + FOOTER_BYTES) {
        return false;
      }
      byte[] start = read(file, 0, head);
      byte[] end = read(file, size - FOOTER_BYTES, FOOTER_BYTES);
      ByteBuffer footer = ByteBuffer.wrap(end);
      long tableOffset = footer.getLong();
      int slots = footer.getInt();
      return Arrays.equals(start, header(chunk))
          && Arrays.equals(Arrays.copyOfRange(end, 16, FOOTER_BYTES), MAGIC)
          && slots == chunk.rows()
          && tableOffset + (long) slots * Long.BYTES + JournalTotals.BYTES + FOOTER_BYTES == size;
    }
  }

  static byte[] header(Chunk chunk) {
    byte[] hash = chunk.hash().getBytes(StandardCharsets.US_ASCII);
    if (hash.length != HASH_BYTES) {
      throw new IllegalArgumentException(
          "chunk hash: expected " + HASH_BYTES + " characters, found " + chunk.hash());
    }
    return ByteBuffer.allocate(MAGIC.length + HASH_BYTES).put(MAGIC).put(hash).array();
  }

  /** Opens a committed journal. */
  public static Journal open(Path journals, Chunk chunk) throws IOException {
    Path path = path(journals, chunk);
    if (!isCommitted(journals, chunk)) {
      throw damaged(path, "it is missing or incomplete");
    }
    return new Journal(path);
  }

  private static RetryableException damaged(Path path, String how) {
    return new RetryableException(
        "expected a complete journal, found that "
            + how
            + " (journal="
            + path
            + "); delete it and start the same command again, its rows are computed again");
  }

  private static byte[] read(FileChannel channel, long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, offset + bytes.position()) < 0) {
        throw new IOException("file ended early at " + (offset + bytes.position()));
      }
    }
    return bytes.array();
  }

  static int crc(byte[] bytes, int offset, int length) {
    CRC32 crc = new CRC32();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  public JournalTotals totals() {
    return totals;
  }

  /** What became of the request in a slot; its id is left empty. */
  public Completion completion(int slot) throws IOException {
    long offset = table.getLong(slot * Long.BYTES);
    ByteBuffer header = bytes(offset, RECORD_HEADER_BYTES);
    int length = header.getInt();
    int crc = header.getInt();
    byte[] record = new byte[length];
    bytes(offset + RECORD_HEADER_BYTES, length).get(record);
    if (crc(record, 0, length) != crc) {
      throw damaged(path, "record " + slot + " does not match its checksum");
    }
    return CompletionCodec.read(new DataInputStream(new ByteArrayInputStream(record)), "");
  }

  private ByteBuffer bytes(long offset, int length) throws IOException {
    return mapped != null
        ? mapped.slice((int) offset, length)
        : ByteBuffer.wrap(read(channel, offset, length));
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }

  /** Writes a journal from records in slot order; it appears when committed. */
  static final class Writer implements Closeable {
    private final Path target;
    private final Path temporary;
    private final DataOutputStream out;
    private final ByteBuffer table;
    private long offset;

    Writer(Path journals, Chunk chunk) throws IOException {
      target = path(journals, chunk);
      temporary = AtomicFiles.temporary(target);
      out =
          new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(temporary), 1 << 16));
      byte[] header = header(chunk);
      out.write(header);
      offset = header.length;
      table = ByteBuffer.allocate(chunk.rows() * Long.BYTES + JournalTotals.BYTES);
    }

    void add(byte[] completion) throws IOException {
      table.putLong(offset);
      out.writeInt(completion.length);
      out.writeInt(crc(completion, 0, completion.length));
      out.write(completion);
      offset += RECORD_HEADER_BYTES + completion.length;
    }

    void commit(JournalTotals totals) throws IOException {
      int slots = table.position() / Long.BYTES;
      totals.write(table);
      if (table.hasRemaining()) {
        throw new IllegalStateException("expected a record for every slot, found " + slots);
      }
      out.write(table.array());
      out.writeLong(offset);
      out.writeInt(slots);
      out.writeInt(crc(table.array(), 0, table.capacity()));
      out.write(MAGIC);
      out.close();
      AtomicFiles.commit(temporary, target);
    }

    @Override
    public void close() throws IOException {
      out.close();
      Files.deleteIfExists(temporary);
    }
  }
}
