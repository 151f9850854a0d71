package dev.millrace.converter.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A folder of safetensors files, one or several with an index, and what lies beside them. Opening
 * reads every header and checks it; no weights are read.
 */
public final class Checkpoint {
  private static final String INDEX_FILE = "model.safetensors.index.json";
  private static final String SINGLE_FILE = "model.safetensors";
  private static final String DOWNLOAD = "download the checkpoint again";

  private final Path folder;
  private final Map<String, StoredTensor> tensors = new TreeMap<>();
  private final List<Path> files = new ArrayList<>();

  private Checkpoint(Path folder) {
    this.folder = folder;
  }

  /**
   * Opens a folder.
   *
   * @throws CheckpointException if a file is missing or damaged
   */
  public static Checkpoint open(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException(
          folder.toString(),
          "a folder that holds a checkpoint",
          Files.exists(folder) ? "a file" : "nothing",
          "name the folder with config.json and the safetensors files");
    }
    Checkpoint checkpoint = new Checkpoint(folder);
    Path index = folder.resolve(INDEX_FILE);
    // of both, transformers reads the single file
    if (Files.isRegularFile(index) && !Files.isRegularFile(folder.resolve(SINGLE_FILE))) {
      checkpoint.readSharded(JsonFile.read(index));
    } else {
      checkpoint.readFile(checkpoint.singleFile());
    }
    return checkpoint;
  }

  public Path folder() {
    return folder;
  }

  /** Every tensor by name. */
  public Map<String, StoredTensor> tensors() {
    return java.util.Collections.unmodifiableMap(tensors);
  }

  /** Bytes of all tensors. */
  public long bytes() {
    return tensors.values().stream().mapToLong(StoredTensor::bytes).sum();
  }

  /** The bytes of a tensor. */
  public TensorData data(StoredTensor tensor) {
    return new TensorData(tensor);
  }

  /**
   * Names the checkpoint without reading all of it: SHA-256 over the configuration files and, of
   * every weights file, its name, its size, its header and 1 KiB from the middle of each tensor.
   * Another training run, quantisation or download that broke off differs; a single weight edited
   * in place may not.
   */
  public String fingerprint() throws IOException {
    MessageDigest digest = sha256();
    TextFiles.addTo(digest, folder, TextFiles.all());
    for (Path file : files) {
      String head = file.getFileName() + "\n" + Files.size(file) + "\n";
      digest.update(head.getBytes(StandardCharsets.UTF_8));
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        for (StoredTensor tensor : tensors.values()) {
          if (tensor.file().equals(file)) {
            sample(channel, tensor, digest);
          }
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void sample(FileChannel channel, StoredTensor tensor, MessageDigest digest)
      throws IOException {
    String entry =
        tensor.name() + " " + tensor.type() + " " + tensor.shape() + " " + tensor.offset() + "\n";
    digest.update(entry.getBytes(StandardCharsets.UTF_8));
    int bytes = (int) Math.min(1024, tensor.bytes());
    ByteBuffer sample = ByteBuffer.allocate(bytes);
    long at = tensor.offset() + (tensor.bytes() - bytes) / 2;
    while (sample.hasRemaining()) {
      int read = channel.read(sample, at + sample.position());
      if (read < 0) {
        throw new CheckpointException(
            tensor.where(), "its bytes", "the end of the file", "the file shrank; " + DOWNLOAD);
      }
    }
    digest.update(sample.flip());
  }

  /** A fresh SHA-256. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private Path singleFile() throws IOException {
    Path single = folder.resolve(SINGLE_FILE);
    if (Files.isRegularFile(single)) {
      return single;
    }
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "*.safetensors")) {
      entries.forEach(found::add);
    }
    if (found.size() == 1) {
      return found.get(0);
    }
    throw new CheckpointException(
        folder.toString(),
        SINGLE_FILE + ", or " + INDEX_FILE + " and the files it names",
        found.isEmpty() ? "no safetensors file" : found.size() + " safetensors files and no index",
        found.isEmpty()
            ? "other formats (.bin, .pth, .gguf) are not read: save the model as safetensors first"
            : DOWNLOAD);
  }

  private void readSharded(JsonFile index) throws IOException {
    JsonFile weightMap = index.child("weight_map");
    if (weightMap == null || weightMap.object().isEmpty()) {
      throw new CheckpointException(
          index.where("weight_map"), "tensors and their files", "nothing", DOWNLOAD);
    }
    Map<String, String> expected = new LinkedHashMap<>();
    Iterator<String> names = weightMap.object().fieldNames();
    while (names.hasNext()) {
      String tensor = names.next();
      String file = weightMap.findText(tensor, "");
      if (!file.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")) {
        throw new CheckpointException(
            weightMap.where(tensor), "a file name in this folder", "'" + file + "'", DOWNLOAD);
      }
      expected.put(tensor, file);
    }
    for (String file : new TreeSet<>(expected.values())) {
      readFile(folder.resolve(file));
    }
    for (Map.Entry<String, String> entry : expected.entrySet()) {
      StoredTensor tensor = tensors.get(entry.getKey());
      if (tensor == null || !tensor.file().getFileName().toString().equals(entry.getValue())) {
        throw new CheckpointException(
            weightMap.where(entry.getKey()),
            "the tensor in " + entry.getValue(),
            tensor == null ? "it nowhere" : "it in " + tensor.file().getFileName(),
            DOWNLOAD);
      }
    }
  }

  private void readFile(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          file.toString(), "a safetensors file", "no such file", DOWNLOAD);
    }
    files.add(file);
    for (StoredTensor tensor : SafetensorsHeader.read(file)) {
      StoredTensor other = tensors.put(tensor.name(), tensor);
      if (other != null) {
        throw new CheckpointException(
            tensor.where(),
            "each tensor in one file",
            "it in " + other.file().getFileName() + " too",
            DOWNLOAD);
      }
    }
  }
}
