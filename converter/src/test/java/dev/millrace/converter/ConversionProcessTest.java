package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.workspace.ByteProgress;
import dev.millrace.api.workspace.Workspace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversions in processes of their own: killed in the middle, or given hardly any heap. */
class ConversionProcessTest {
  @TempDir Path folder;

  /**
   * Converts {@code args[0]} to {@code args[1]}; given a third argument, stops halfway for good.
   */
  @SuppressWarnings("SystemOut") // how a child tells its parent where it is
  public static void main(String[] args) throws Exception {
    ConversionSettings settings = ConversionSettings.to(Path.of(args[1])).withThreads(2);
    if (args.length > 2) {
      settings =
          settings.withProgress(
              progress -> {
                System.out.println("halfway");
                while (true) {
                  try {
                    Thread.sleep(1000);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }
              });
    }
    ConversionResult result = Conversion.ofCheckpoint(Path.of(args[0]), settings);
    System.out.println("done " + result.bytesWritten());
  }

  @Test
  void killedConversionLeavesNoWorkspaceAndTheNextOneClearsUp() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    Process child = start(List.of("-Xmx64m"), source.toString(), target.toString(), "stop");
    try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
      assertEquals("halfway", out.readLine());
      assertEquals(1, unfinished().size());

      // a conversion that is alive is left alone
      Conversion.ofCheckpoint(source, ConversionSettings.to(folder.resolve("other")));
      child.destroyForcibly().waitFor();
    }

    assertFalse(Files.exists(target));
    assertEquals(1, unfinished().size());
    assertFalse(Workspace.isWorkspace(unfinished().get(0)));
    Conversion.ofCheckpoint(source, ConversionSettings.to(target));
    assertEquals(List.of(), unfinished());
    RoundTrip.check(source, target);
  }

  @Test
  void conversionThatIsAskedToEndClearsUpItself() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    Process child = start(List.of("-Xmx64m"), source.toString(), target.toString(), "stop");
    try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
      assertEquals("halfway", out.readLine());
      child.destroy();
      child.waitFor();
    }

    assertEquals(List.of(), unfinished());
    assertFalse(Files.exists(target));
  }

  @Test
  void conversionOfTheSameTargetThatIsAliveIsLeftAlone() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    Process child = start(List.of("-Xmx64m"), source.toString(), target.toString(), "stop");
    try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
      assertEquals("halfway", out.readLine());

      Conversion.ofCheckpoint(source, ConversionSettings.to(target));

      assertEquals(1, unfinished().size());
      RoundTrip.check(source, target);
    } finally {
      child.destroyForcibly().waitFor();
    }
  }

  @Test
  void tensorOfAGigabyteAndMoreNeedsNoHeap() throws Exception {
    // a file of holes: 1.1 GB of zeros for the embedding, and the rest of a model
    int vocabulary = 2_150_400;
    TinyCheckpoint checkpoint =
        new TinyCheckpoint().with("hidden_size", 256).with("tie_word_embeddings", true).generate();
    Path source = checkpoint.with("vocab_size", vocabulary).write(folder.resolve("source"));
    growEmbedding(source.resolve("model.safetensors"), vocabulary, 256);
    Path target = folder.resolve("target");

    Process child = start(List.of("-Xmx40m"), source.toString(), target.toString());
    try (BufferedReader out = child.inputReader(StandardCharsets.UTF_8)) {
      String line = out.readLine();
      assertTrue(line != null && line.startsWith("done "), "the child said: " + line);
    }

    assertEquals(0, child.waitFor());
    try (Workspace workspace = Workspace.open(target)) {
      assertTrue(workspace.manifest().tensor("embedding").bytes() > 1L << 30);
      workspace.verify(2, ByteProgress.NONE);
    }
  }

  /** Rewrites a file so that its embedding, the first tensor, is as large as stated. */
  private static void growEmbedding(Path file, int vocabulary, int hidden) throws IOException {
    ByteBuffer old = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) old.getLong(0);
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode header =
        (ObjectNode) mapper.readTree(new String(old.array(), 8, length, StandardCharsets.UTF_8));
    long was = header.get("model.embed_tokens.weight").get("data_offsets").get(1).asLong();
    long now = (long) vocabulary * hidden * 2;
    header.remove("__metadata__");
    for (JsonNode entry : header) {
      ArrayNode offsets = (ArrayNode) entry.get("data_offsets");
      for (int i = 0; i < offsets.size(); i++) {
        long offset = offsets.get(i).asLong();
        offsets.set(i, LongNode.valueOf(offset == 0 ? 0 : offset - was + now));
      }
    }
    ((ArrayNode) header.get("model.embed_tokens.weight").get("shape"))
        .set(0, LongNode.valueOf(vocabulary));
    byte[] json = mapper.writeValueAsBytes(header);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(0);
      out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).array());
      out.write(json);
      out.seek(8 + json.length + now);
      out.write(old.array(), 8 + length + (int) was, old.capacity() - 8 - length - (int) was);
    }
  }

  private List<Path> unfinished() throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.filter(e -> e.getFileName().toString().contains(".unfinished-")).toList();
    }
  }

  private static Process start(List<String> jvmFlags, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(jvmFlags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(ConversionProcessTest.class.getName());
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }
}
