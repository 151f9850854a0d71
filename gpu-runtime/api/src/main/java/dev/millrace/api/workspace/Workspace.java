package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.TensorEntry.StripRange;
import dev.millrace.api.workspace.WorkspaceManifest.DataFile;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An open workspace. Opening checks the manifest's version, checksum and sense, and that every file
 * is there, inside the folder, of its size; nothing is mapped before. {@link #verify} also reads
 * and checks every byte. Thread-safe.
 */
public final class Workspace implements AutoCloseable {
  /** The manifest's file name. */
  public static final String MANIFEST_FILE = "manifest.json";

  /** The file that holds the manifest's SHA-256, in the form of {@code sha256sum}. */
  public static final String CHECKSUM_FILE = "manifest.sha256";

  /** The folder of tokenizer, chat template and configuration. */
  public static final String TEXT_FOLDER = "text";

  private final Path path;
  private final WorkspaceManifest manifest;
  private final Map<String, TensorEntry> tensors = new HashMap<>();
  private final Map<Integer, MappedByteBuffer> mapped = new HashMap<>();
  private boolean closed;

  private Workspace(Path path, WorkspaceManifest manifest) {
    this.path = path;
    this.manifest = manifest;
    manifest.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
  }

  /**
   * Opens a workspace.
   *
   * @throws MalformedWorkspaceException if it is not one, is damaged, or is of another version
   * @throws IOException if a file cannot be read
   */
  public static Workspace open(Path path) throws IOException {
    return new Workspace(path, new WorkspaceFiles(path).readManifest());
  }

  /** Whether a folder holds a manifest at all; says nothing of its health. */
  public static boolean isWorkspace(Path path) {
    return Files.isRegularFile(path.resolve(MANIFEST_FILE));
  }

  public Path path() {
    return path;
  }

  public WorkspaceManifest manifest() {
    return manifest;
  }

  /**
   * One rank's part of a tensor. The mapped pages stay valid after {@link #close} for as long as
   * the buffers are reachable.
   *
   * @param tensor canonical name, see {@link TensorNames}
   * @param ranks one of the manifest's supported rank counts
   * @param rank 0 to {@code ranks - 1}
   * @throws IllegalArgumentException if there is no such tensor, or no such rank count
   * @throws IOException if a data file cannot be mapped
   */
  public WeightPart part(String tensor, int ranks, int rank) throws IOException {
    TensorEntry entry = tensors.get(tensor);
    if (entry == null) {
      throw new IllegalArgumentException("no tensor is called " + tensor + " in " + path);
    }
    manifest.requireRanks(ranks);
    List<ByteBuffer> ranges = new ArrayList<>();
    List<FileRegion> files = new ArrayList<>();
    for (StripRange strips : entry.part(ranks, rank)) {
      addRanges(entry, strips, ranges, files);
    }
    return new WeightPart(
        entry,
        entry.partOutputs(ranks),
        entry.partInputs(ranks),
        entry.slabs() > 1 ? entry.slabs() / ranks : 1,
        ranges,
        files);
  }

  /** Whether a file of that name is in the text folder. */
  public boolean hasText(String name) {
    return manifest.textFiles().stream().anyMatch(file -> file.name().equals(name));
  }

  /**
   * Content of a file in the text folder, its checksum verified.
   *
   * @throws IllegalArgumentException if there is none of that name
   * @throws MalformedWorkspaceException if it is not what was written
   */
  public byte[] readText(String name) throws IOException {
    TextFile file =
        manifest.textFiles().stream()
            .filter(candidate -> candidate.name().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException("no text file is called " + name + " in " + path));
    return new WorkspaceFiles(path).readText(file);
  }

  /**
   * Reads every byte and checks every checksum.
   *
   * @param threads threads to read with
   * @throws MalformedWorkspaceException naming the first damaged tensor or file, and their number
   */
  public void verify(int threads, ByteProgress progress) throws IOException, InterruptedException {
    new WorkspaceVerification(path, manifest, threads, progress).run();
  }

  /** Refuses further parts; those handed out stay valid. Idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    mapped.clear();
  }

  private void addRanges(
      TensorEntry entry, StripRange strips, List<ByteBuffer> ranges, List<FileRegion> files)
      throws IOException {
    int file = -1;
    long start = 0;
    long end = 0;
    long strip = 0;
    for (Segment segment : entry.segments()) {
      if (strip >= strips.from() && strip < strips.to()) {
        boolean joins =
            segment.file() == file
                && segment.offset() == end
                && segment.offset() + segment.bytes() - start <= Integer.MAX_VALUE;
        if (!joins) {
          if (file >= 0) {
            ranges.add(slice(file, start, end));
            files.add(region(file, start, end));
          }
          file = segment.file();
          start = segment.offset();
        }
        end = segment.offset() + segment.bytes();
      }
      strip += segment.strips();
    }
    ranges.add(slice(file, start, end));
    files.add(region(file, start, end));
  }

  private FileRegion region(int file, long from, long to) {
    return new FileRegion(path.resolve(manifest.dataFiles().get(file).name()), from, to - from);
  }

  private ByteBuffer slice(int file, long from, long to) throws IOException {
    return map(file)
        .slice((int) from, (int) (to - from))
        .asReadOnlyBuffer()
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  private synchronized MappedByteBuffer map(int file) throws IOException {
    if (closed) {
      throw new IllegalStateException("the workspace is closed: " + path);
    }
    MappedByteBuffer buffer = mapped.get(file);
    if (buffer == null) {
      DataFile data = manifest.dataFiles().get(file);
      try (FileChannel channel =
          FileChannel.open(path.resolve(data.name()), StandardOpenOption.READ)) {
        // mapping past the end of a file would be a crash later, not an exception here
        if (channel.size() != data.bytes()) {
          throw new MalformedWorkspaceException(
              path,
              data.name(),
              data.bytes() + " bytes",
              channel.size() + " bytes",
              "the file changed since the workspace was opened; convert the model again");
        }
        buffer = channel.map(FileChannel.MapMode.READ_ONLY, 0, data.bytes());
      }
      mapped.put(file, buffer);
    }
    return buffer;
  }
}
