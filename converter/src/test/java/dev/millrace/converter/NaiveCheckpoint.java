package dev.millrace.converter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * A second reading of a checkpoint, as plainly as the formats are described, sharing no code with
 * the converter: every weight as a float, {@code [outputs][inputs]}.
 */
final class NaiveCheckpoint {
  private static final int[] AWQ_ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

  final JsonNode config;
  private final Map<String, JsonNode> entries = new HashMap<>();
  private final Map<String, ByteBuffer> bytes = new HashMap<>();
  private final Map<String, float[][]> matrices = new HashMap<>();

  NaiveCheckpoint(Path folder) throws IOException {
    config = new ObjectMapper().readTree(folder.resolve("config.json").toFile());
    try (var files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".safetensors")).toList()) {
        read(file);
      }
    }
  }

  private void read(Path file) throws IOException {
    ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    int length = (int) all.getLong(0);
    String json = new String(all.array(), 8, length, StandardCharsets.UTF_8);
    Iterator<Map.Entry<String, JsonNode>> fields = new ObjectMapper().readTree(json).fields();
    while (fields.hasNext()) {
      Map.Entry<String, JsonNode> field = fields.next();
      if (!field.getKey().equals("__metadata__")) {
        int from = field.getValue().get("data_offsets").get(0).asInt();
        int to = field.getValue().get("data_offsets").get(1).asInt();
        entries.put(field.getKey(), field.getValue());
        bytes.put(
            field.getKey(), all.slice(8 + length + from, to - from).order(ByteOrder.LITTLE_ENDIAN));
      }
    }
  }

  int number(String field, int fallback) {
    return config.path(field).asInt(fallback);
  }

  boolean has(String name) {
    return entries.containsKey(name);
  }

  float[] vector(String name) {
    float[] values = new float[entries.get(name).get("shape").get(0).asInt()];
    for (int i = 0; i < values.length; i++) {
      values[i] = element(type(name), bytes.get(name), i);
    }
    return values;
  }

  /** Names of all tensors. */
  List<String> names() {
    return List.copyOf(entries.keySet());
  }

  private String type(String name) {
    return entries.get(name).get("dtype").asText();
  }

  float[][] matrix(String module) {
    return matrices.computeIfAbsent(module, this::readMatrix);
  }

  private float[][] readMatrix(String module) {
    if (has(module + ".qweight")) {
      return config.get("quantization_config").get("quant_method").asText().equals("awq")
          ? awq(module)
          : gptq(module);
    }
    String name = module + ".weight";
    JsonNode shape = entries.get(name).get("shape");
    return elements(name, shape.get(0).asInt(), shape.get(1).asInt());
  }

  private float[][] elements(String name, int rows, int columns) {
    float[][] values = new float[rows][columns];
    for (int i = 0; i < rows * columns; i++) {
      values[i / columns][i % columns] = element(type(name), bytes.get(name), i);
    }
    return values;
  }

  private static float element(String type, ByteBuffer buffer, int index) {
    return switch (type) {
      case "F32" -> buffer.getFloat(index * 4);
      case "BF16" -> Float.intBitsToFloat(buffer.getShort(index * 2) << 16);
      case "F16" -> half(buffer.getShort(index * 2));
      default -> throw new AssertionError(type);
    };
  }

  /** By the definition of binary16: sign, power, fraction. */
  static float half(short bits) {
    int power = (bits >> 10) & 31;
    int fraction = bits & 1023;
    double magnitude =
        power == 0 ? Math.scalb(fraction, -24) : Math.scalb(1024 + fraction, power - 25);
    return (float) (bits < 0 ? -magnitude : magnitude);
  }

  private int[][] words(String name) {
    JsonNode shape = entries.get(name).get("shape");
    int columns = shape.get(1).asInt();
    int[][] words = new int[shape.get(0).asInt()][columns];
    for (int i = 0; i < words.length * columns; i++) {
      words[i / columns][i % columns] = bytes.get(name).getInt(i * 4);
    }
    return words;
  }

  private float[][] awq(String module) {
    int[][] numbers = words(module + ".qweight");
    int[][] zeros = words(module + ".qzeros");
    int outputs = zeros[0].length * 8;
    float[][] scales = elements(module + ".scales", zeros.length, outputs);
    float[][] values = new float[outputs][numbers.length];
    for (int k = 0; k < numbers.length; k++) {
      int group = k / groupInputs(numbers.length);
      for (int j = 0; j < outputs / 8; j++) {
        for (int i = 0; i < 8; i++) {
          int n = 8 * j + AWQ_ORDER[i];
          int number = (numbers[k][j] >>> (4 * i)) & 15;
          int zero = (zeros[group][j] >>> (4 * i)) & 15;
          values[n][k] = (number - zero) * scales[group][n];
        }
      }
    }
    return values;
  }

  private float[][] gptq(String module) {
    int[][] numbers = words(module + ".qweight");
    int[][] zeros = words(module + ".qzeros");
    int outputs = zeros[0].length * 8;
    int inputs = numbers.length * 8;
    float[][] scales = elements(module + ".scales", zeros.length, outputs);
    String format = config.get("quantization_config").path("checkpoint_format").asText("gptq");
    float[][] values = new float[outputs][inputs];
    for (int k = 0; k < inputs; k++) {
      int group = k / groupInputs(inputs);
      for (int n = 0; n < outputs; n++) {
        int number = (numbers[k / 8][n] >>> (4 * (k % 8))) & 15;
        int zero = (zeros[group][n / 8] >>> (4 * (n % 8))) & 15;
        if (format.equals("gptq")) {
          zero = (zero + 1) % 16;
        }
        values[n][k] = (number - zero) * scales[group][n];
      }
    }
    return values;
  }

  private int groupInputs(int inputs) {
    int size = config.get("quantization_config").get("group_size").asInt();
    return size == -1 ? inputs : size;
  }
}
