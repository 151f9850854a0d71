package dev.millrace.converter.read;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How a checkpoint's linear layers are packed.
 *
 * @param method AWQ or GPTQ
 * @param variant {@code gemm} for AWQ; {@code gptq} or {@code gptq_v2} for GPTQ
 * @param groupSize inputs that share a scale, a multiple of 128; -1 for all inputs
 * @param symmetric whether all zeros are the middle
 * @param notConverted parts of the names of layers that are not quantised
 */
public record QuantizationConfig(
    Method method, String variant, int groupSize, boolean symmetric, List<String> notConverted) {

  /** Where older checkpoints keep these settings. */
  static final List<String> SIDE_FILES = List.of("quantize_config.json", "quant_config.json");

  /** How the four-bit numbers are packed. */
  public enum Method {
    AWQ,
    GPTQ
  }

  private static final int TILE_INPUTS = 128;

  public QuantizationConfig {
    notConverted = List.copyOf(notConverted);
  }

  /** Whether the settings say that a layer is not quantised. */
  public boolean excludes(String module) {
    return notConverted.stream().anyMatch(module::contains);
  }

  /** The method in lower case, as configurations write it. */
  public String methodName() {
    return method.name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reads the settings from config.json or the files older tools wrote.
   *
   * @return nothing if the checkpoint is not quantised
   * @throws CheckpointException with the reason, if it is in a way that cannot be converted
   */
  public static Optional<QuantizationConfig> read(Path folder, JsonFile config) throws IOException {
    JsonFile settings = config.child("quantization_config");
    for (String name : SIDE_FILES) {
      if (settings == null) {
        settings = JsonFile.find(folder.resolve(name)).orElse(null);
      }
    }
    if (settings == null) {
      return Optional.empty();
    }
    String fallback = settings.has("desc_act") ? "gptq" : settings.has("w_bit") ? "awq" : "";
    String method = settings.findText("quant_method", fallback).toLowerCase(Locale.ROOT);
    return switch (method) {
      case "awq" -> Optional.of(awq(settings));
      case "gptq" -> Optional.of(gptq(settings));
      default ->
          throw refused(
              settings.where("quant_method"),
              "awq or gptq",
              method.isEmpty() ? "nothing" : method,
              "take an AWQ, GPTQ or unquantised checkpoint of this model");
    };
  }

  private static QuantizationConfig awq(JsonFile settings) throws CheckpointException {
    String version = settings.findText("version", "gemm").toLowerCase(Locale.ROOT);
    if (!version.equals("gemm")) {
      throw refused(
          settings.where("version"),
          "gemm",
          version + ", which packs the weights in another order",
          "take the gemm version of this checkpoint");
    }
    requireBits(settings, "bits", settings.findInt("bits", settings.findInt("w_bit", 4)));
    int group = settings.findInt("group_size", settings.findInt("q_group_size", 128));
    requireGroup(settings, group);
    return new QuantizationConfig(
        Method.AWQ,
        version,
        group,
        !settings.findBoolean("zero_point", true),
        texts(settings, "modules_to_not_convert"));
  }

  private static QuantizationConfig gptq(JsonFile settings) throws CheckpointException {
    String format = settings.findText("checkpoint_format", "gptq").toLowerCase(Locale.ROOT);
    if (!format.equals("gptq") && !format.equals("gptq_v2")) {
      throw refused(
          settings.where("checkpoint_format"),
          "gptq or gptq_v2",
          format + ", which packs the weights in another order",
          "take the gptq version of this checkpoint");
    }
    requireBits(settings, "bits", settings.findInt("bits", 4));
    int group = settings.findInt("group_size", 128);
    requireGroup(settings, group);
    return new QuantizationConfig(
        Method.GPTQ,
        format,
        group,
        settings.findBoolean("sym", true),
        texts(settings, "modules_to_not_convert"));
  }

  private static void requireBits(JsonFile settings, String field, int bits)
      throws CheckpointException {
    if (bits != 4) {
      throw refused(
          settings.where(field), "4", "" + bits, "take a 4-bit or unquantised checkpoint");
    }
  }

  private static void requireGroup(JsonFile settings, int group) throws CheckpointException {
    if (group != -1 && (group < TILE_INPUTS || group % TILE_INPUTS != 0)) {
      throw refused(
          settings.where("group_size"),
          "a multiple of 128, or -1: an int4 tile holds one scale for 128 inputs",
          "" + group,
          "take a checkpoint with group_size 128");
    }
  }

  private static List<String> texts(JsonFile settings, String field) throws CheckpointException {
    List<String> texts = new ArrayList<>();
    if (settings.has(field)) {
      for (JsonNode node : settings.object().get(field)) {
        if (!node.isTextual()) {
          throw refused(settings.where(field), "texts", node.toString(), "correct the file");
        }
        texts.add(node.textValue());
      }
    }
    return texts;
  }

  private static CheckpointException refused(
      String where, String expected, String found, String advice) {
    return new CheckpointException(where, expected, found, advice);
  }
}
