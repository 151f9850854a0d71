package dev.millrace.converter;

import dev.millrace.api.workspace.GenerationDefaults;
import dev.millrace.api.workspace.WorkspaceManifest.SourceRecord;
import dev.millrace.converter.read.Checkpoint;
import dev.millrace.converter.read.ConfigReader;
import dev.millrace.converter.read.GenerationConfig;
import dev.millrace.converter.read.JsonFile;
import dev.millrace.converter.read.KnownShapes;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.read.QuantizationConfig;
import dev.millrace.converter.read.TextFiles;
import dev.millrace.converter.weights.CheckpointWeights;
import dev.millrace.converter.weights.RandomWeights;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Makes a workspace: on the CPU alone, in bounded heap whatever the size of the model, on all
 * cores, published by one rename. The start of the path checkpoint, tensors, tiles, workspace.
 *
 * <p>An existing workspace is never replaced. If the output is the workspace of the same checkpoint
 * for the same rank counts, nothing is done; if it is anything else but an empty folder, the
 * conversion is refused.
 */
public final class Conversion {
  private Conversion() {}

  /**
   * Converts a checkpoint.
   *
   * @param checkpoint folder of config.json, safetensors files and tokenizer
   * @throws dev.millrace.converter.read.CheckpointException if the checkpoint is damaged or its
   *     model cannot be converted, with the reason
   * @throws ConversionException if the output is taken or too small
   * @throws IOException if reading or writing fails
   * @throws InterruptedException if interrupted; nothing is left behind
   */
  public static ConversionResult ofCheckpoint(Path checkpoint, ConversionSettings settings)
      throws IOException, InterruptedException {
    Checkpoint opened = Checkpoint.open(checkpoint);
    JsonFile json = JsonFile.read(checkpoint.resolve("config.json"));
    ModelConfig config = ConfigReader.read(json);
    Optional<QuantizationConfig> quantization = QuantizationConfig.read(checkpoint, json);
    SourceRecord record =
        new SourceRecord("safetensors", name(checkpoint), opened.fingerprint(), opened.bytes());
    ModelSource source =
        new ModelSource(
            config,
            new CheckpointWeights(opened, quantization.orElse(null), config),
            GenerationConfig.read(checkpoint, json),
            record,
            checkpoint);
    return new ConversionRun(source, settings).run();
  }

  /**
   * Makes a workspace of a model's shapes with random weights, the same for the same seed.
   *
   * @param seed of the weights
   * @param configFile a config.json
   * @param method how linear layers are packed; null leaves them dense
   * @param textFolder where a tokenizer and template lie; null for none: such a workspace takes
   *     prompts as token ids alone
   * @throws IOException as for {@link #ofCheckpoint}
   * @throws InterruptedException if interrupted; nothing is left behind
   */
  public static ConversionResult ofRandom(
      long seed,
      Path configFile,
      QuantizationConfig.Method method,
      Path textFolder,
      ConversionSettings settings)
      throws IOException, InterruptedException {
    Path beside = textFolder == null ? configFile.toAbsolutePath().getParent() : textFolder;
    JsonFile json = JsonFile.read(configFile);
    GenerationDefaults generation = GenerationConfig.read(beside, json);
    return ofRandom(seed, "seed " + seed, json, generation, method, textFolder, settings);
  }

  /**
   * Makes a workspace of a published model's shapes with random weights, see {@link #ofRandom}.
   *
   * @param shape one of {@link KnownShapes#names}
   * @throws ConversionException if there is none of that name
   */
  public static ConversionResult ofRandomShape(
      long seed,
      String shape,
      QuantizationConfig.Method method,
      Path textFolder,
      ConversionSettings settings)
      throws IOException, InterruptedException {
    JsonFile json = KnownShapes.find(shape);
    if (json == null) {
      throw new ConversionException(
          shape, "a config.json, or one of " + KnownShapes.names(), "neither", "name one of them");
    }
    GenerationDefaults generation =
        textFolder == null ? GenerationConfig.of(json) : GenerationConfig.read(textFolder, json);
    String name = shape + ", seed " + seed;
    return ofRandom(seed, name, json, generation, method, textFolder, settings);
  }

  private static ConversionResult ofRandom(
      long seed,
      String name,
      JsonFile json,
      GenerationDefaults generation,
      QuantizationConfig.Method method,
      Path textFolder,
      ConversionSettings settings)
      throws IOException, InterruptedException {
    ModelConfig config = ConfigReader.read(json);
    RandomWeights weights = new RandomWeights(seed, config, method);
    String identity =
        "random 2\n" + seed + "\n" + method + "\n" + json.object() + "\n" + generation + "\n";
    MessageDigest digest = Checkpoint.sha256();
    digest.update(identity.getBytes(StandardCharsets.UTF_8));
    if (textFolder != null) {
      TextFiles.addTo(digest, textFolder, TextFiles.COPIED);
    }
    SourceRecord record =
        new SourceRecord("random", name, HexFormat.of().formatHex(digest.digest()), 0);
    ModelSource source = new ModelSource(config, weights, generation, record, textFolder);
    return new ConversionRun(source, settings).run();
  }

  /** Names a checkpoint quickly, see {@link Checkpoint#fingerprint}. */
  public static String fingerprint(Path checkpoint) throws IOException {
    return Checkpoint.open(checkpoint).fingerprint();
  }

  private static String name(Path folder) throws IOException {
    Path name = folder.toRealPath().getFileName();
    return name == null ? "root" : name.toString();
  }

  static boolean isEmptyFolder(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (var entries = Files.list(folder)) {
      return entries.findAny().isEmpty();
    }
  }
}
