package dev.millrace.jobs.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;

/** A copy of a bfloat16 checkpoint with noise in the matrices of one layer. */
public final class DamagedModel {
  private static final double SHARE = 0.5;

  private DamagedModel() {}

  public static Path copy(Path checkpoint, Path target) throws IOException {
    Files.createDirectories(target);
    try (var files = Files.list(checkpoint)) {
      for (Path file : files.toList()) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
    Path weights = target.resolve("model.safetensors");
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(weights)).order(ByteOrder.LITTLE_ENDIAN);
    int length = Math.toIntExact(bytes.getLong(0));
    JsonNode header = new ObjectMapper().readTree(bytes.array(), 8, length);
    Random random = new Random(1);
    for (Map.Entry<String, JsonNode> tensor :
        (Iterable<Map.Entry<String, JsonNode>>) header::fields) {
      boolean matrix = tensor.getValue().path("shape").size() == 2;
      if (tensor.getKey().contains(".layers.1.") && matrix) {
        JsonNode offsets = tensor.getValue().get("data_offsets");
        addNoise(
            bytes,
            8 + length + offsets.get(0).asInt(),
            8 + length + offsets.get(1).asInt(),
            random);
      }
    }
    Files.write(weights, bytes.array());
    return target;
  }

  private static void addNoise(ByteBuffer bytes, int from, int to, Random random) {
    double squares = 0;
    for (int at = from; at < to; at += 2) {
      double value = Float.intBitsToFloat(bytes.getShort(at) << 16);
      squares += value * value;
    }
    double scale = SHARE * Math.sqrt(squares / ((to - from) / 2.0));
    for (int at = from; at < to; at += 2) {
      float value = Float.intBitsToFloat(bytes.getShort(at) << 16);
      float noisy = (float) (value + scale * random.nextGaussian());
      bytes.putShort(at, (short) (Float.floatToRawIntBits(noisy) >>> 16));
    }
  }
}
