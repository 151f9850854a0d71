package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.converter.read.ConfigReader;
import dev.millrace.converter.read.KnownShapes;
import dev.millrace.converter.read.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KnownShapesTest {

  /** Billions of parameters as their makers publish them. */
  @ParameterizedTest
  @CsvSource({
    "qwen2-vl-2b,  1.54",
    "qwen2.5-0.5b, 0.49",
    "qwen2.5-1.5b, 1.54",
    "qwen2.5-3b,   3.09",
    "qwen2.5-7b,   7.61",
    "qwen2.5-14b,  14.7",
    "qwen2.5-32b,  32.5",
    "qwen2.5-72b,  72.7"
  })
  void shapesHaveAsManyParametersAsPublished(String name, double billions) throws IOException {
    ModelConfig config = ConfigReader.read(KnownShapes.find(name));

    long hidden = config.hiddenSize();
    long heads = config.queryHeads() + 2L * config.kvHeads();
    long layer =
        hidden * heads * config.headSize()
            + hidden * config.queryHeads() * config.headSize()
            + 3 * hidden * config.feedForwardSize();
    long head = hidden * config.vocabularySize() * (config.tiedHead() ? 1 : 2);
    double found = (config.layers() * layer + head) / 1e9;
    assertEquals(billions, found, 0.012 * billions);
    assertEquals(StorageType.BF16, config.elementType());
    assertTrue(config.qkvBias());
  }

  @Test
  void everyNameIsTested() throws IOException {
    assertEquals(8, KnownShapes.names().size());
  }

  @Test
  void unknownNameIsAnsweredWithTheKnownOnes(@TempDir Path folder) {
    ConversionException refused =
        assertThrows(
            ConversionException.class,
            () ->
                Conversion.ofRandomShape(
                    1, "qwen9-1t", null, null, ConversionSettings.to(folder.resolve("ws"))));

    assertTrue(refused.getMessage().contains("qwen2.5-72b"), refused.getMessage());
  }
}
