package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.WorkspaceManifest.DataFile;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Writes a workspace, version 1, and publishes it with one rename.
 *
 * <h2>The folder</h2>
 *
 * <pre>
 * WORKSPACE/
 *   manifest.json      UTF-8 JSON, one {@link WorkspaceManifest}; fields are the records' components
 *   manifest.sha256    SHA-256 of manifest.json as {@code sha256sum} writes it
 *   data-00000.bin ... weights; each file at most 2^31 - 1 bytes
 *   text/              tokenizer.json, tokenizer_config.json, chat template, generation_config.json,
 *                      as they were in the checkpoint; each with its SHA-256 in the manifest
 * </pre>
 *
 * <h2>Data files</h2>
 *
 * A file is a row of segments, each starting on a multiple of 4096 bytes, zeros between them and
 * after the last, up to a multiple of 4096. A segment holds whole strips of one tensor ({@link
 * TensorEntry}) in order, never crosses files, and is cut at every boundary of every rank's part
 * for every supported rank count: a rank's part is a list of whole segments. Numbers are
 * little-endian and in their final form: what a rank uploads is what is on disk.
 *
 * <h2>Checksums</h2>
 *
 * Every segment has a CRC-32C in the manifest: the JDK computes it with the processor's own
 * instruction at several times the speed of a disk, where SHA-256 would be what a conversion waits
 * for on two cores. The manifest and the text files have SHA-256, so that {@link
 * WorkspaceManifest#modelFingerprint()} is one too.
 *
 * <h2>Publication</h2>
 *
 * Everything is written into a hidden folder beside the target, forced to disk, and renamed. A
 * process that dies leaves that hidden folder, without a manifest; {@link StagingFolder} removes it
 * when the next one writes beside it.
 */
public final class WorkspaceWriter implements AutoCloseable {
  /** Bytes that are gathered before each write, unless very many threads share them. */
  public static final int BLOCK_BYTES = 8 << 20;

  /** Most bytes that are gathered over all threads. */
  public static final int BLOCKS_BYTES_MAX = 128 << 20;

  private final Path target;
  private final StagingFolder staging;
  private final WorkspaceLayout layout;
  private final List<DataFileOutput> outputs = new ArrayList<>();
  private final String[][] checksums;

  private WorkspaceWriter(Path target, StagingFolder staging, WorkspaceLayout layout) {
    this.target = target;
    this.staging = staging;
    this.layout = layout;
    this.checksums = new String[layout.tensors().size()][];
    for (int i = 0; i < checksums.length; i++) {
      checksums[i] = new String[layout.tensors().get(i).segments().size()];
    }
  }

  /**
   * Begins a workspace. The target may be absent or an empty folder.
   *
   * @throws IOException if the folder beside it cannot be written
   */
  public static WorkspaceWriter create(Path target, WorkspaceLayout layout) throws IOException {
    Path absolute = target.toAbsolutePath().normalize();
    WorkspaceWriter writer = new WorkspaceWriter(absolute, StagingFolder.beside(absolute), layout);
    try {
      Files.createDirectory(writer.staging.path().resolve(Workspace.TEXT_FOLDER));
      for (DataFile file : layout.dataFiles()) {
        writer.outputs.add(DataFileOutput.create(writer.staging.path().resolve(file.name())));
      }
      return writer;
    } catch (IOException | RuntimeException e) {
      writer.close();
      throw e;
    }
  }

  /** The folder of the text files while they are written. */
  public Path textFolder() {
    return staging.path().resolve(Workspace.TEXT_FOLDER);
  }

  /** Adds a file to the text folder. */
  public TextFile addText(String name, byte[] content) throws IOException {
    TextFile file = new TextFile(name, content.length, ManifestJson.sha256(content));
    Path path = textFolder().resolve(name);
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      writeFully(channel, ByteBuffer.wrap(content), 0);
      channel.force(true);
    }
    return file;
  }

  /**
   * A buffer for {@link #write}, one per thread.
   *
   * @param threads that will have one: together they stay within {@value #BLOCKS_BYTES_MAX} bytes,
   *     unless single strips are larger than their share
   */
  public ByteBuffer newBlock(int threads) {
    long largest = layout.tensors().stream().mapToLong(TensorEntry::stripBytes).max().orElse(1);
    long share = Math.min(BLOCK_BYTES, BLOCKS_BYTES_MAX / threads);
    return DirectChannels.newBuffer(Math.toIntExact(Math.max(share, largest)));
  }

  /**
   * Writes one segment. Segments may be written in any order, by several threads, each once.
   *
   * @param tensor index into the layout's tensors
   * @param segment index into the tensor's segments
   * @param source gives the tensor's strips
   * @param block from {@link #newBlock}, not shared with another thread meanwhile
   */
  public void write(int tensor, int segment, StripSource source, ByteBuffer block)
      throws IOException {
    TensorEntry entry = layout.tensors().get(tensor);
    Segment place = entry.segments().get(segment);
    DataFileOutput file = outputs.get(place.file());
    long strip = entry.segments().stream().limit(segment).mapToLong(Segment::strips).sum();
    long end = strip + place.strips();
    long position = place.offset();
    int carried = 0; // bytes of the last block that did not fill a page
    CRC32C crc = new CRC32C();
    while (strip < end) {
      long room = (block.capacity() - carried) / entry.stripBytes();
      int strips = (int) Math.min(room, end - strip);
      int filled = Math.toIntExact(carried + strips * entry.stripBytes());
      block.limit(filled).position(carried);
      source.fill(strip, strips, block);
      if (block.hasRemaining()) {
        throw new IllegalStateException(
            entry.name() + ": the source left " + block.remaining() + " bytes of a block unfilled");
      }
      crc.update(block.position(carried));
      strip += strips;
      carried = file.writePages(block, filled, position, strip == end);
      position += filled - carried;
    }
    synchronized (checksums) {
      checksums[tensor][segment] = String.format("%08x", crc.getValue());
    }
  }

  /**
   * The tensors with their checksums.
   *
   * @throws IllegalStateException if a segment was not written
   */
  public List<TensorEntry> tensors() {
    List<TensorEntry> tensors = new ArrayList<>();
    synchronized (checksums) {
      for (int i = 0; i < checksums.length; i++) {
        TensorEntry entry = layout.tensors().get(i);
        List<Segment> segments = new ArrayList<>();
        for (int j = 0; j < checksums[i].length; j++) {
          if (checksums[i][j] == null) {
            throw new IllegalStateException(entry.name() + ": segment " + j + " was not written");
          }
          Segment s = entry.segments().get(j);
          segments.add(new Segment(s.file(), s.offset(), s.strips(), s.bytes(), checksums[i][j]));
        }
        tensors.add(entry.withSegments(segments));
      }
    }
    return tensors;
  }

  /**
   * Forces everything to disk, writes the manifest, checks the result as a reader would, and
   * renames it to the target.
   *
   * @param manifest with {@link #tensors()} and the layout's data files
   * @throws java.nio.file.FileSystemException if the target has come into being meanwhile
   */
  public void publish(WorkspaceManifest manifest) throws IOException {
    for (DataFileOutput file : outputs) {
      file.force();
      file.close();
    }
    byte[] json = ManifestJson.toBytes(manifest);
    writeFile(Workspace.CHECKSUM_FILE, ManifestJson.checksumFile(json));
    writeFile(Workspace.MANIFEST_FILE, json);
    new WorkspaceFiles(staging.path()).readManifest();
    StagingFolder.force(textFolder());
    staging.publish(target);
  }

  /** Removes what was written unless it was published. Idempotent. */
  @Override
  public void close() throws IOException {
    for (DataFileOutput file : outputs) {
      file.close();
    }
    staging.close();
  }

  private void writeFile(String name, byte[] content) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            staging.path().resolve(name),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE)) {
      writeFully(channel, ByteBuffer.wrap(content), 0);
      channel.force(true);
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes, long position)
      throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }
}
