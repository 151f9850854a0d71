package dev.millrace.converter;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Makes small checkpoints of random weights. Everything has a default, so that what a test sets is
 * its point: a Llama of one layer, hidden 64, 4 query and 2 key/value heads of 16, width 96, 70
 * token ids, bfloat16, untied.
 */
final class TinyCheckpoint {
  static final long SEED = Long.getLong("tests.seed", 20261125);

  private final Map<String, Object> config = new LinkedHashMap<>();
  private final SafetensorsOutput out = new SafetensorsOutput();
  private final Random random = new Random(SEED);
  private String type = "BF16";
  private int shards = 1;
  private Map<String, Object> quantization;
  private List<String> dense = List.of();
  private boolean shuffled;
  private boolean zeroBiases;

  TinyCheckpoint() {
    with("model_type", "llama");
    with("architectures", List.of("LlamaForCausalLM"));
    with("hidden_size", 64).with("intermediate_size", 96).with("num_hidden_layers", 1);
    with("num_attention_heads", 4).with("num_key_value_heads", 2).with("vocab_size", 70);
    with("max_position_embeddings", 128).with("rope_theta", 10000.0).with("hidden_act", "silu");
    with("tie_word_embeddings", false).with("torch_dtype", "bfloat16").with("eos_token_id", 2);
  }

  TinyCheckpoint with(String field, Object value) {
    config.put(field, value);
    return this;
  }

  TinyCheckpoint without(String field) {
    config.remove(field);
    return this;
  }

  /** Element type of all dense tensors: F32, F16 or BF16. */
  TinyCheckpoint type(String value) {
    type = value;
    return this;
  }

  TinyCheckpoint shards(int value) {
    shards = value;
    return this;
  }

  /** Packs all linear layers but those whose names contain one of the given parts. */
  TinyCheckpoint quantization(Map<String, Object> value, String... notConverted) {
    quantization = new LinkedHashMap<>(value);
    dense = List.of(notConverted);
    if (notConverted.length > 0) {
      quantization.put("modules_to_not_convert", dense);
    }
    return this;
  }

  /** GPTQ's activation order: a group index that is not in order. */
  TinyCheckpoint shuffledGroups() {
    shuffled = true;
    return this;
  }

  /** The biases of zero that GPTQ tools write for layers without bias. */
  TinyCheckpoint zeroBiases() {
    zeroBiases = true;
    return this;
  }

  static Map<String, Object> awq() {
    return Map.of(
        "quant_method", "awq", "version", "gemm", "bits", 4, "group_size", 128, "zero_point", true);
  }

  static Map<String, Object> gptq(String format, boolean symmetric, int group) {
    return Map.of(
        "quant_method",
        "gptq",
        "checkpoint_format",
        format,
        "bits",
        4,
        "group_size",
        group,
        "sym",
        symmetric,
        "desc_act",
        false);
  }

  /** The tensors, to be changed before they are written. */
  SafetensorsOutput tensors() {
    return out;
  }

  int number(String field) {
    return (Integer) config.get(field);
  }

  private int headSize() {
    return config.containsKey("head_dim")
        ? number("head_dim")
        : number("hidden_size") / number("num_attention_heads");
  }

  TinyCheckpoint generate() {
    int hidden = number("hidden_size");
    String family = (String) config.get("model_type");
    boolean bias = family.startsWith("qwen2") || Boolean.TRUE.equals(config.get("attention_bias"));
    dense("model.embed_tokens.weight", number("vocab_size"), hidden);
    for (int i = 0; i < number("num_hidden_layers"); i++) {
      String layer = "model.layers." + i + ".";
      int queries = number("num_attention_heads") * headSize();
      int keys = number("num_key_value_heads") * headSize();
      dense(layer + "input_layernorm.weight", hidden);
      dense(layer + "post_attention_layernorm.weight", hidden);
      linear(layer + "self_attn.q_proj", queries, hidden, bias);
      linear(layer + "self_attn.k_proj", keys, hidden, bias);
      linear(layer + "self_attn.v_proj", keys, hidden, bias);
      linear(layer + "self_attn.o_proj", hidden, queries, bias && !family.startsWith("qwen2"));
      if (family.equals("qwen3")) {
        dense(layer + "self_attn.q_norm.weight", headSize());
        dense(layer + "self_attn.k_norm.weight", headSize());
      }
      linear(layer + "mlp.gate_proj", number("intermediate_size"), hidden, false);
      linear(layer + "mlp.up_proj", number("intermediate_size"), hidden, false);
      linear(layer + "mlp.down_proj", hidden, number("intermediate_size"), false);
    }
    dense("model.norm.weight", hidden);
    if (!Boolean.TRUE.equals(config.get("tie_word_embeddings"))) {
      dense("lm_head.weight", number("vocab_size"), hidden);
    }
    return this;
  }

  Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    if (quantization != null) {
      config.put("quantization_config", quantization);
    }
    new ObjectMapper().writeValue(folder.resolve("config.json").toFile(), config);
    out.write(folder, shards);
    return folder;
  }

  private void linear(String module, int outputs, int inputs, boolean bias) {
    boolean packed = quantization != null && dense.stream().noneMatch(module::contains);
    if (!packed) {
      dense(module + ".weight", outputs, inputs);
    } else if (quantization.get("quant_method").equals("awq")) {
      words(module + ".qweight", inputs, outputs / 8);
      groups(module, outputs, inputs);
    } else {
      words(module + ".qweight", inputs / 8, outputs);
      groups(module, outputs, inputs);
      groupIndex(module, inputs);
    }
    if (bias) {
      dense(module + ".bias", outputs);
    } else if (packed && zeroBiases) {
      out.add(module + ".bias", type, List.of((long) outputs), buffer(outputs * 2));
    }
  }

  private int groupInputs(int inputs) {
    int group = (Integer) quantization.get("group_size");
    return group == -1 ? inputs : group;
  }

  private void groups(String module, int outputs, int inputs) {
    int groups = (inputs + groupInputs(inputs) - 1) / groupInputs(inputs);
    dense(module + ".scales", groups, outputs);
    words(module + ".qzeros", groups, outputs / 8);
    if (Boolean.TRUE.equals(quantization.get("sym"))) {
      int zeros = quantization.get("checkpoint_format").equals("gptq") ? 0x77777777 : 0x88888888;
      ByteBuffer qzeros = out.bytes(module + ".qzeros");
      for (int i = 0; i < qzeros.capacity(); i += 4) {
        qzeros.putInt(i, zeros);
      }
    }
  }

  private void groupIndex(String module, int inputs) {
    ByteBuffer index = buffer(inputs * 4);
    for (int i = 0; i < inputs; i++) {
      int input = shuffled ? inputs - 1 - i : i;
      index.putInt(i * 4, input / groupInputs(inputs));
    }
    out.add(module + ".g_idx", "I32", List.of((long) inputs), index);
  }

  private void words(String name, int rows, int columns) {
    ByteBuffer words = buffer(rows * columns * 4);
    for (int i = 0; i < words.capacity(); i += 4) {
      words.putInt(i, random.nextInt());
    }
    out.add(name, "I32", List.of((long) rows, (long) columns), words);
  }

  private void dense(String name, int... shape) {
    int elements = 1;
    List<Long> dimensions = new java.util.ArrayList<>();
    for (int dimension : shape) {
      elements *= dimension;
      dimensions.add((long) dimension);
    }
    ByteBuffer bytes = buffer(elements * (type.equals("F32") ? 4 : 2));
    while (bytes.hasRemaining()) {
      if (type.equals("F32")) {
        bytes.putFloat((float) random.nextGaussian());
      } else if (type.equals("BF16")) {
        bytes.putShort((short) (Float.floatToIntBits((float) random.nextGaussian()) >>> 16));
      } else {
        // any finite half: sign, exponent 0 to 30, fraction
        bytes.putShort((short) (random.nextInt(0x7c00) | (random.nextBoolean() ? 0x8000 : 0)));
      }
    }
    out.add(name, type, dimensions, bytes);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
