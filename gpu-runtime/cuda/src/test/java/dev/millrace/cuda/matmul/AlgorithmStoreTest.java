package dev.millrace.cuda.matmul;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.kernel.CacheFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AlgorithmStoreTest {
  private static final long VERSION = 130100;
  private static final String FILE = "matmul/NVIDIA-H100-80GB-HBM3-cublaslt-130100.txt";

  @TempDir private Path folder;

  private AlgorithmStore store(long version, String device) {
    return new AlgorithmStore(
        new CacheFolder(folder),
        version,
        new CudaDevice(0, device, "", 9, 0, 132, 232448, 50 << 20, 80L << 30));
  }

  private AlgorithmStore store() {
    return store(VERSION, "NVIDIA H100 80GB HBM3");
  }

  private static Product product(int rows, boolean biased) {
    return new Product(rows, 4608, 3584, false, 3584, 3584, 4608, false, biased);
  }

  private static byte[] algorithm(int first) {
    byte[] algorithm = new byte[CublasLt.ALGORITHM_BYTES];
    for (int i = 0; i < algorithm.length; i++) {
      algorithm[i] = (byte) (first + 31 * i);
    }
    return algorithm;
  }

  private static void assertHolds(byte[] expected, AlgorithmStore store, Product product) {
    assertArrayEquals(expected, store.get(product).orElseThrow());
  }

  @Test
  void savedAlgorithmsAreFoundByTheNextStore() {
    AlgorithmStore store = store();
    store.put(product(1, false), algorithm(1));
    store.put(product(1, true), algorithm(200));
    store.save();

    assertHolds(algorithm(1), store(), product(1, false));
    assertHolds(algorithm(200), store(), product(1, true));
    assertEquals(Optional.empty(), store().get(product(2, false)));
  }

  @Test
  void fileIsALinePerProductInTheOrderOfTheirKeys() {
    AlgorithmStore store = store();
    store.put(product(64, true), new byte[CublasLt.ALGORITHM_BYTES]);
    store.put(product(1, false), algorithm(0xfe));
    store.save();

    String text =
        new String(new CacheFolder(folder).read(FILE).orElseThrow(), StandardCharsets.US_ASCII);
    String[] lines = text.lines().toArray(String[]::new);
    assertEquals(2, lines.length, text);
    assertTrue(
        lines[0].startsWith("to m1 n4608 k3584 tn w3584 x3584 y4608 bf16\tfe1d3c5b"), lines[0]);
    assertEquals("to m64 n4608 k3584 tn w3584 x3584 y4608 bf16 bias\t" + "0".repeat(128), lines[1]);
  }

  @Test
  void fewRowsMoreOrLessShareAnAlgorithm() {
    AlgorithmStore store = store();
    store.put(product(65, false), algorithm(5));

    assertHolds(algorithm(5), store, product(96, false));
    assertEquals(Optional.empty(), store.get(product(64, false)));
    assertEquals(Optional.empty(), store.get(product(97, false)));
  }

  @Test
  void anotherLibraryOrGpuStartsAfresh() {
    AlgorithmStore store = store();
    store.put(product(1, false), algorithm(1));
    store.save();

    assertEquals(Optional.empty(), store(120900, "NVIDIA H100 80GB HBM3").get(product(1, false)));
    assertEquals(Optional.empty(), store(VERSION, "NVIDIA H200").get(product(1, false)));
  }

  @Test
  void damagedFileIsForgottenAndWrittenAnew() throws IOException {
    AlgorithmStore store = store();
    store.put(product(1, false), algorithm(1));
    store.save();
    Path file = folder.resolve(FILE);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 2] ^= 1;
    Files.write(file, bytes);

    AlgorithmStore second = store();
    assertEquals(Optional.empty(), second.get(product(1, false)));
    second.put(product(1, false), algorithm(9));
    second.save();
    assertHolds(algorithm(9), store(), product(1, false));
  }

  @Test
  void storeThatLearntNothingWritesNothing() throws IOException {
    store().save();

    try (var files = Files.list(folder)) {
      assertEquals(0, files.count());
    }
  }

  @Test
  void keptAlgorithmDoesNotChangeWithItsCallersArray() {
    AlgorithmStore store = store();
    byte[] mine = algorithm(1);
    store.put(product(1, false), mine);
    mine[0] = 99;
    store.get(product(1, false)).orElseThrow()[1] = 99;

    assertHolds(algorithm(1), store, product(1, false));
  }
}
