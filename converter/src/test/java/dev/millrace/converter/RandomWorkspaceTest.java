package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.converter.read.QuantizationConfig.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random workspaces: the same for the same seed, of real layout and realistic scale. */
class RandomWorkspaceTest {
  @TempDir Path folder;

  @Test
  void sameSeedGivesTheSameModelWhateverTheThreads() throws Exception {
    WorkspaceManifest one = make(11, null, 1, 8);
    WorkspaceManifest three = make(11, null, 3, 8);
    WorkspaceManifest other = make(12, null, 3, 8);

    assertEquals(one.modelFingerprint(), three.modelFingerprint());
    assertNotEquals(one.modelFingerprint(), other.modelFingerprint());
  }

  @ParameterizedTest
  @ValueSource(strings = {"AWQ", "GPTQ", "none"})
  void weightsDependOnTheirPlaceAndNotOnTheRanksThatAreServed(String method) throws Exception {
    Method packing = method.equals("none") ? null : Method.valueOf(method);
    WorkspaceManifest alone = make(5, packing, 2, 1);
    WorkspaceManifest shared = make(5, packing, 2, 4);

    assertNotEquals(alone.supportedRanks(), shared.supportedRanks());
    try (Workspace a = Workspace.open(path(5, packing, 2, 1));
        Workspace b = Workspace.open(path(5, packing, 2, 4))) {
      for (String name : new String[] {"layers.1.qkv", "layers.0.output", "layers.1.gate_up"}) {
        float[][] expected = NaiveWorkspace.read(a.part(name, 1, 0));
        float[][] found = NaiveWorkspace.read(b.part(name, 1, 0));
        for (int n = 0; n < expected.length; n++) {
          assertArrayEquals(expected[n], found[n], name + " row " + n);
        }
      }
      float[][] expected = NaiveWorkspace.read(a.part("layers.1.down", 1, 0));
      float[][] found = NaiveWorkspace.read(b.part("layers.1.down", 1, 0));
      for (int n = 0; n < expected.length; n++) {
        for (int k = 0; k < found[n].length; k++) {
          float there = k < 640 ? expected[n][k] : 0;
          assertTrue(there == found[n][k], "down [" + n + "][" + k + "]");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"AWQ", "GPTQ", "none"})
  void scaleIsThatOfRealWeights(String method) throws Exception {
    Method packing = method.equals("none") ? null : Method.valueOf(method);
    WorkspaceManifest manifest = make(3, packing, 2, 1);

    assertEquals(
        packing == null ? StorageType.BF16 : StorageType.INT4,
        manifest.tensor("layers.0.qkv").storage());
    try (Workspace workspace = Workspace.open(path(3, packing, 2, 1))) {
      assertEquals(1 / Math.sqrt(256), deviation(workspace, "layers.0.qkv", 0), 0.004);
      assertEquals(1 / Math.sqrt(640) / 2, deviation(workspace, "layers.0.down", 0), 0.002);
      assertEquals(0.05, deviation(workspace, "layers.0.attention_norm", 1), 0.01);
    }
  }

  @Test
  void anotherTokenizerOrOtherDefaultsAreAnotherModel() throws Exception {
    make(1, null, 1, 1);
    Path beside = folder.resolve("config/generation_config.json");
    Files.writeString(beside, "{\"temperature\":0.5}");
    assertThrows(ConversionException.class, () -> make(1, null, 1, 1));
    Files.delete(beside);
    make(1, null, 1, 1);

    Path config = folder.resolve("config/config.json");
    Path texts = Files.createDirectory(folder.resolve("texts"));
    ConversionSettings settings = ConversionSettings.to(folder.resolve("target")).withRanksMax(1);
    assertFalse(Conversion.ofRandom(1, config, null, texts, settings).alreadyThere());
    assertTrue(Conversion.ofRandom(1, config, null, texts, settings).alreadyThere());
    Files.writeString(texts.resolve("tokenizer.json"), "{}");
    assertThrows(
        ConversionException.class, () -> Conversion.ofRandom(1, config, null, texts, settings));
  }

  private static double deviation(Workspace workspace, String name, double mean) throws Exception {
    double sum = 0;
    long count = 0;
    for (float[] row : NaiveWorkspace.read(workspace.part(name, 1, 0))) {
      for (float value : row) {
        sum += (value - mean) * (value - mean);
        count++;
      }
    }
    return Math.sqrt(sum / count);
  }

  private Path path(long seed, Method method, int threads, int ranksMax) {
    return folder.resolve("ws-" + seed + "-" + method + "-" + threads + "-" + ranksMax);
  }

  /** Hidden 256, four heads of 128 over two key/value heads, width 640 (five groups). */
  private WorkspaceManifest make(long seed, Method method, int threads, int ranksMax)
      throws Exception {
    Path config =
        new TinyCheckpoint()
            .with("hidden_size", 256)
            .with("head_dim", 128)
            .with("intermediate_size", 640)
            .with("num_hidden_layers", 2)
            .write(folder.resolve("config"))
            .resolve("config.json");
    ConversionSettings settings =
        ConversionSettings.to(path(seed, method, threads, ranksMax))
            .withThreads(threads)
            .withRanksMax(ranksMax);
    return Conversion.ofRandom(seed, config, method, null, settings).manifest();
  }
}
