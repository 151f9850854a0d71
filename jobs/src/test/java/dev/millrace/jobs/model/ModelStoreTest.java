package dev.millrace.jobs.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.Workspace;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.ModelChoice.Kind;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Conversion runs in a JVM of its own here, as it does for users. */
class ModelStoreTest {
  private static final ModelChoice SAMPLE = new ModelChoice(Kind.SAMPLE, null);

  @TempDir private Path folder;
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private ModelStore store(Path sampleModel) {
    PrintStream stream = new PrintStream(err, true, StandardCharsets.UTF_8);
    Console console = new Console(stream, stream, Map.of(), false);
    return new ModelStore(new Places(folder.resolve("cache"), sampleModel), console);
  }

  private String printed() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private static ModelChoice checkpoint(Path path) {
    return new ModelChoice(Kind.CHECKPOINT, path);
  }

  private Path copyOfStories() throws IOException {
    Path copy = Files.createDirectories(folder.resolve("stories"));
    try (var files = Files.list(RepositoryFiles.sampleData("models/stories260K"))) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    return copy;
  }

  @Test
  void sampleModelIsConvertedOnceAndThenFound() throws IOException {
    Path model = RepositoryFiles.sampleData("models/tiny-qwen2.5");

    Path first = store(model).workspace(SAMPLE);
    assertTrue(printed().contains("once, into " + first), printed());
    err.reset();
    Path second = store(model).workspace(SAMPLE);

    assertEquals(first, second);
    assertEquals("", printed());
    try (Workspace workspace = Workspace.open(first)) {
      assertEquals("qwen2", workspace.manifest().architecture());
    }
  }

  @Test
  void aChangedCheckpointIsAnotherModel() throws IOException {
    Path model = copyOfStories();
    Path before = store(null).workspace(checkpoint(model));

    Path config = model.resolve("config.json");
    Files.writeString(config, Files.readString(config) + "\n");

    assertNotEquals(before, store(null).workspace(checkpoint(model)));
  }

  @Test
  void twoJobsThatWantTheSameModelConvertItOnce() throws IOException {
    Path model = copyOfStories();

    CompletableFuture<Path> one =
        CompletableFuture.supplyAsync(() -> store(null).workspace(checkpoint(model)));
    Path two = store(null).workspace(checkpoint(model));

    assertEquals(two, one.join());
    String conversions = printed();
    assertEquals(
        conversions.indexOf("Converting "), conversions.lastIndexOf("Converting "), conversions);
  }

  @Test
  void aDamagedWorkspaceInTheCacheIsToBeDeleted() throws IOException {
    Path model = copyOfStories();
    Path workspace = store(null).workspace(checkpoint(model));
    Files.delete(workspace.resolve(Workspace.CHECKSUM_FILE));

    CommandException failure =
        assertThrows(CommandException.class, () -> store(null).workspace(checkpoint(model)));

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertEquals("Delete " + workspace + ", then run this again.", failure.remedy());
  }

  @Test
  void aBrokenCheckpointIsRefusedWithItsReason() throws IOException {
    Path model = copyOfStories();
    Files.writeString(model.resolve("model.safetensors"), "not safetensors");

    CommandException failure =
        assertThrows(CommandException.class, () -> store(null).workspace(checkpoint(model)));

    assertEquals(ExitCode.USAGE, failure.exitCode(), failure.getMessage());
    assertTrue(failure.getMessage().startsWith("model.safetensors"), failure.getMessage());
  }

  @Test
  void whatTheConvertingProcessRefusesIsShownAndItsExitCodeKept() throws IOException {
    Path model = copyOfStories();
    Files.writeString(model.resolve("tokenizer.json"), "{}");

    CommandException failure =
        assertThrows(CommandException.class, () -> store(null).workspace(checkpoint(model)));

    assertEquals(ExitCode.USAGE, failure.exitCode(), printed());
    assertTrue(printed().contains("millrace convert: error: "), printed());
    try (var entries = Files.list(folder.resolve("cache/models"))) {
      assertFalse(entries.anyMatch(Files::isDirectory));
    }
  }

  @Test
  void aCheckpointGivenAsWorkspaceIsAnsweredWithTheRightFlag() {
    Path model = RepositoryFiles.sampleData("models/tiny-qwen2.5");

    CommandException failure =
        assertThrows(
            CommandException.class,
            () -> store(null).workspace(new ModelChoice(Kind.WORKSPACE, model)));

    assertTrue(failure.getMessage().startsWith("Expected a workspace, found a checkpoint"));
    assertTrue(failure.remedy().startsWith("Give it as --model "), failure.remedy());
  }

  @Test
  void noModelAtAllIsRefusedWithWhatToName() {
    CommandException failure =
        assertThrows(CommandException.class, () -> store(null).workspace(SAMPLE));

    assertEquals(ExitCode.USAGE, failure.exitCode());
    assertEquals("Name one: --workspace WORKSPACE or --model CHECKPOINT.", failure.remedy());
  }
}
