package dev.millrace.cuda.matmul;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.kernel.CacheFolder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What was chosen by timing, kept on disk for one model of GPU and one version of cuBLASLt. A line
 * a choice: its key, a tab, an algorithm's 64 bytes in hexadecimal or the name of another way to
 * multiply. Thread-safe.
 */
public final class AlgorithmStore {
  private final CacheFolder cache;
  private final String file;
  private final Map<String, byte[]> algorithms = new TreeMap<>();
  private final Map<String, String> ways = new TreeMap<>();
  private boolean changed;

  public AlgorithmStore(CacheFolder cache, CublasLt library, CudaDevice device) {
    this(cache, library.version(), device);
  }

  AlgorithmStore(CacheFolder cache, long libraryVersion, CudaDevice device) {
    this.cache = cache;
    file =
        "matmul/%s-cublaslt-%d.txt"
            .formatted(device.name().replaceAll("[^A-Za-z0-9]+", "-"), libraryVersion);
    cache.read(file).ifPresent(this::parse);
  }

  private void parse(byte[] content) {
    for (String line : new String(content, StandardCharsets.US_ASCII).split("\n", -1)) {
      String[] parts = line.split("\t", -1);
      if (parts.length == 2 && parts[1].length() == 2 * CublasLt.ALGORITHM_BYTES) {
        algorithms.put(parts[0], HexFormat.of().parseHex(parts[1]));
      } else if (parts.length == 2) {
        ways.put(parts[0], parts[1]);
      }
    }
  }

  synchronized Optional<byte[]> get(Product product) {
    return Optional.ofNullable(algorithms.get(product.algorithmKey())).map(byte[]::clone);
  }

  synchronized void put(Product product, byte[] algorithm) {
    algorithms.put(product.algorithmKey(), algorithm.clone());
    changed = true;
  }

  synchronized Optional<String> way(String key) {
    return Optional.ofNullable(ways.get(key));
  }

  synchronized void putWay(String key, String way) {
    ways.put(key, way);
    changed = true;
  }

  /** Writes what is new to disk. */
  public synchronized void save() {
    if (!changed) {
      return;
    }
    StringBuilder text = new StringBuilder();
    algorithms.forEach(
        (key, algorithm) ->
            text.append(key).append('\t').append(HexFormat.of().formatHex(algorithm)).append('\n'));
    ways.forEach((key, way) -> text.append(key).append('\t').append(way).append('\n'));
    cache.write(file, text.toString().getBytes(StandardCharsets.US_ASCII));
    changed = false;
  }
}
