package dev.millrace.jobs.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.ExecutorProvider;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.text.TextSettings;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class LocalEngineFactoryTest {
  private static final EngineSettings SETTINGS =
      new EngineSettings("auto", 2, 4, 64, 0, 256, true, 0, 60_000);

  @TempDir private static Path folder;
  private String workspace;

  @BeforeAll
  void convert() throws IOException {
    workspace = folder.resolve("ws").toString();
    SampleData.convert("tiny-qwen2.5", Path.of(workspace)).close();
  }

  private EngineFactory factory(EngineSettings settings) {
    return new LocalEngineFactory(workspace, settings);
  }

  @Test
  void factoryTravelsToWorkersAndEncodesThereAsHere() throws Exception {
    EngineFactory here = factory(SETTINGS);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(here);
    }
    EngineFactory there;
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      there = (EngineFactory) in.readObject();
    }

    assertEquals(here.fingerprint(), there.fingerprint());
    for (JsonNode row : SampleData.golden("tiny-qwen2.5").subList(0, 20)) {
      assertArrayEquals(
          SampleData.ints(row.get("prompt_token_ids")),
          there.openPromptEncoder().encode(EngineGoldenTest.chat(row)));
    }
    assertEquals(256, there.openPromptEncoder().contextTokensMax());
  }

  @Test
  void fingerprintNamesWhatCanChangeATokenAndNothingElse() {
    String fingerprint = factory(SETTINGS).fingerprint();
    assertEquals(fingerprint, factory(SETTINGS.withBackend("cpu")).fingerprint());
    assertEquals(fingerprint, factory(SETTINGS.withBatch(7, 99)).fingerprint());
    assertEquals(fingerprint, factory(SETTINGS.withPrefixCache(false)).fingerprint());
    assertEquals(fingerprint, factory(SETTINGS.withKvCacheBytes(1 << 28)).fingerprint());
    assertNotEquals(fingerprint, factory(SETTINGS.withRanks(1)).fingerprint());
    assertNotEquals(fingerprint, factory(SETTINGS.withBackend("reference")).fingerprint());
    TextSettings parsed = TextSettings.defaults().withParseSpecialTokens(true);
    TextSettings told = TextSettings.defaults().withTemplateVariables(Map.of("enable", false));
    assertNotEquals(fingerprint, new LocalEngineFactory(workspace, SETTINGS, parsed).fingerprint());
    assertNotEquals(fingerprint, new LocalEngineFactory(workspace, SETTINGS, told).fingerprint());
  }

  @Test
  void openEngineSaysWhatItIs() {
    try (Engine engine = factory(SETTINGS).openEngine()) {
      EngineInfo info = engine.info();
      assertTrue(info.backend().startsWith("cpu-"), info.backend());
      assertEquals(2, info.ranks());
      assertEquals(256, info.contextTokensMax());
      assertEquals(4, info.sequencesMax());
      assertEquals(64, info.modelFingerprint().length());
      assertTrue(factory(SETTINGS).fingerprint().contains(info.modelFingerprint()));
      assertTrue(info.loadNanos() > 0);
      assertFalse(info.memory().isEmpty());
      for (MemoryEntry entry : info.memory()) {
        assertEquals(entry.plannedBytes(), entry.usedBytes(), entry.purpose());
      }
    }
  }

  @Test
  void sequencesOfAStepAreAtMostItsTokens() {
    try (Engine engine = factory(SETTINGS.withBatch(64, 8)).openEngine()) {
      assertEquals(8, engine.info().sequencesMax());
    }
  }

  @Test
  void whatCannotBeOpenedSaysWhatToDo() {
    assertMessage("auto, cpu, reference", SETTINGS.withBackend("tpu"));
    assertMessage("expected one of [1, 2, 4", SETTINGS.withRanks(3));
    DoesNotFitException small =
        assertThrows(
            DoesNotFitException.class, () -> factory(SETTINGS.withKvCacheBytes(5000)).openEngine());
    assertTrue(small.getMessage().contains("--kv-cache"), small.getMessage());
    EngineFactory nowhere = new LocalEngineFactory(folder.resolve("none").toString(), SETTINGS);
    EngineException missing = assertThrows(EngineException.class, nowhere::openEngine);
    assertTrue(missing.getMessage().contains("none"), missing.getMessage());
    assertThrows(EngineException.class, nowhere::fingerprint);
    assertThrows(EngineException.class, nowhere::openPromptEncoder);
  }

  /** It is read beside the weights: what was loaded meanwhile must be let go of. */
  @Test
  void anEngineWhoseTemplateIsMissingIsRefusedAndLeavesNoRankBehind() throws InterruptedException {
    TextSettings missing = TextSettings.defaults().withTemplateName("absent");

    EngineException error =
        assertThrows(
            EngineException.class,
            () -> new LocalEngineFactory(workspace, SETTINGS, missing).openEngine());

    assertTrue(error.getMessage().contains("absent"), error.getMessage());
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().contains("-rank-")) {
        thread.join(10_000);
        assertFalse(thread.isAlive(), thread.getName());
      }
    }
  }

  @Test
  void whatWasLoadedIsLetGoOfWhenAnErrorKeepsTheEngineFromOpening() {
    LocalEngineFactory broken =
        new LocalEngineFactory(workspace, SETTINGS, TextSettings.defaults(), new BrokenExecutors());

    assertThrows(StackOverflowError.class, broken::openEngine);

    assertEquals(1, BrokenExecutors.CLOSED.get());
  }

  /** Opens what can be closed, and fails at anything else. */
  private record BrokenExecutors() implements ExecutorProvider {
    private static final AtomicInteger CLOSED = new AtomicInteger();

    @Override
    public String family() {
      return "broken";
    }

    @Override
    public EngineSettings complete(EngineSettings settings) {
      return settings;
    }

    @Override
    public Plan plan(WorkspaceManifest manifest, EngineSettings settings) {
      throw new UnsupportedOperationException();
    }

    @Override
    public MemoryProbe probe(EngineSettings settings) {
      return MemoryProbe.NONE;
    }

    @Override
    public ModelExecutor open(Workspace opened, EngineSettings settings) {
      return (ModelExecutor)
          Proxy.newProxyInstance(
              ModelExecutor.class.getClassLoader(),
              new Class<?>[] {ModelExecutor.class},
              (proxy, method, arguments) -> {
                if (!method.getName().equals("close")) {
                  throw new StackOverflowError();
                }
                CLOSED.incrementAndGet();
                return null;
              });
    }
  }

  private void assertMessage(String part, EngineSettings settings) {
    EngineException error =
        assertThrows(EngineException.class, () -> factory(settings).openEngine());
    assertTrue(error.getMessage().contains(part), error.getMessage());
  }
}
