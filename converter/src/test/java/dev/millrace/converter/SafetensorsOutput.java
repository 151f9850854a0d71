package dev.millrace.converter;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes safetensors files for tests, one or several with an index. */
final class SafetensorsOutput {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  private record Tensor(String type, List<Long> shape, ByteBuffer bytes) {}

  SafetensorsOutput add(String name, String type, List<Long> shape, ByteBuffer bytes) {
    tensors.put(name, new Tensor(type, shape, bytes));
    return this;
  }

  void rename(String name, String newName) {
    tensors.put(newName, tensors.remove(name));
  }

  List<String> names() {
    return List.copyOf(tensors.keySet());
  }

  void remove(String name) {
    tensors.remove(name);
  }

  ByteBuffer bytes(String name) {
    return tensors.get(name).bytes();
  }

  void write(Path folder, int shards) throws IOException {
    if (shards == 1) {
      write(folder.resolve("model.safetensors"), new ArrayList<>(tensors.keySet()));
      return;
    }
    Map<String, String> weightMap = new LinkedHashMap<>();
    List<List<String>> names = new ArrayList<>();
    for (int i = 0; i < shards; i++) {
      names.add(new ArrayList<>());
    }
    int at = 0;
    for (String name : tensors.keySet()) {
      int shard = at++ % shards;
      names.get(shard).add(name);
      weightMap.put(name, String.format("model-%05d-of-%05d.safetensors", shard + 1, shards));
    }
    for (int i = 0; i < shards; i++) {
      String file = String.format("model-%05d-of-%05d.safetensors", i + 1, shards);
      write(folder.resolve(file), names.get(i));
    }
    JSON.writeValue(
        folder.resolve("model.safetensors.index.json").toFile(),
        Map.of("metadata", Map.of("total_size", 0), "weight_map", weightMap));
  }

  private void write(Path file, List<String> names) throws IOException {
    Map<String, Object> header = new LinkedHashMap<>();
    header.put("__metadata__", Map.of("format", "pt"));
    long offset = 0;
    for (String name : names) {
      Tensor tensor = tensors.get(name);
      long end = offset + tensor.bytes().capacity();
      header.put(
          name,
          Map.of(
              "dtype",
              tensor.type(),
              "shape",
              tensor.shape(),
              "data_offsets",
              List.of(offset, end)));
      offset = end;
    }
    byte[] json = JSON.writeValueAsBytes(header);
    ByteBuffer out =
        ByteBuffer.allocate((int) (8 + json.length + offset)).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(json.length).put(json);
    names.forEach(name -> out.put(tensors.get(name).bytes().duplicate().rewind()));
    Files.write(file, out.array());
  }
}
