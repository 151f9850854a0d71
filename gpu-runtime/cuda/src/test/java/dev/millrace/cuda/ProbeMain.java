package dev.millrace.cuda;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.CpuBackendFactory;
import dev.millrace.engine.model.ModelProbe;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The Java half of {@code ladder.py}: {@code ProbeMain BACKEND WORKSPACE FOLDER}. Reads {@code
 * prompts.json} and {@code hidden.f32} (layers + 1, prompts, length, hidden) there; writes {@code
 * ours-logits.f32} (prompts, length, vocabulary) and {@code ours-layers.f32} (layers, prompts,
 * length, hidden). Numbers are little-endian.
 */
final class ProbeMain {
  private ProbeMain() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[2]);
    int[][] prompts =
        new ObjectMapper().readValue(folder.resolve("prompts.json").toFile(), int[][].class);
    int length = prompts[0].length;
    try (Workspace workspace = Workspace.open(Path.of(arguments[1]))) {
      int hidden = workspace.manifest().shape().hiddenSize();
      ModelProbe probe = new ModelProbe(workspace, backends(arguments[0]), prompts);
      long start = System.nanoTime();
      try (Rows logits = Rows.create(folder.resolve("ours-logits.f32"))) {
        probe.logits(
            (prompt, token, values) -> logits.write((long) prompt * length + token, values));
      }
      System.out.printf("logits: %.1f s%n", (System.nanoTime() - start) / 1e9);
      start = System.nanoTime();
      long rows = (long) prompts.length * length;
      try (Rows inputs = Rows.open(folder.resolve("hidden.f32"));
          Rows layers = Rows.create(folder.resolve("ours-layers.f32"))) {
        probe = new ModelProbe(workspace, backends(arguments[0]), prompts);
        probe.layers(
            (layer, prompt, token) ->
                inputs.read(layer * rows + (long) prompt * length + token, hidden),
            (layer, prompt, token, values) ->
                layers.write(layer * rows + (long) prompt * length + token, values));
      }
      System.out.printf("layers: %.1f s%n", (System.nanoTime() - start) / 1e9);
    }
  }

  private static BackendFactory backends(String name) {
    return name.equals("cpu")
        ? new CpuBackendFactory()
        : new CudaBackendFactory(
            new CudaParts(CudaDevices.find(), CudaLibraries.find(), CacheFolder.usual()),
            CudaSettings.defaults().withGraphs(false));
  }

  /** A file of float32 rows of one width. */
  private static final class Rows implements AutoCloseable {
    private final FileChannel file;
    private ByteBuffer buffer = ByteBuffer.allocateDirect(0);

    private Rows(FileChannel file) {
      this.file = file;
    }

    static Rows create(Path path) throws IOException {
      return new Rows(
          FileChannel.open(
              path,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE));
    }

    static Rows open(Path path) throws IOException {
      return new Rows(FileChannel.open(path, StandardOpenOption.READ));
    }

    void write(long row, float[] values) {
      ByteBuffer bytes = buffer(values.length);
      bytes.asFloatBuffer().put(values);
      try {
        while (bytes.hasRemaining()) {
          file.write(bytes, row * values.length * Float.BYTES + bytes.position());
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }

    float[] read(long row, int width) {
      ByteBuffer bytes = buffer(width);
      try {
        while (bytes.hasRemaining()) {
          if (file.read(bytes, row * width * Float.BYTES + bytes.position()) < 0) {
            throw new IllegalStateException("row %d is not in the file".formatted(row));
          }
        }
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
      float[] values = new float[width];
      bytes.flip().asFloatBuffer().get(values);
      return values;
    }

    private ByteBuffer buffer(int width) {
      if (buffer.capacity() != width * Float.BYTES) {
        buffer = ByteBuffer.allocateDirect(width * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      }
      return buffer.clear();
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
