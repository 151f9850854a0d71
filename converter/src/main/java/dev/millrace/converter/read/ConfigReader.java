package dev.millrace.converter.read;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.workspace.RotaryRecord;
import dev.millrace.api.workspace.StorageType;
import java.util.Map;

/**
 * Reads config.json of the model families that can be converted, and refuses, with the reason, what
 * would change the arithmetic without being carried over. Of Qwen2-VL the language model is read:
 * its vision tower is not converted. Fields and defaults as in huggingface/transformers, {@code
 * configuration_llama.py}, {@code configuration_qwen2.py}, {@code configuration_qwen3.py} and
 * {@code configuration_qwen2_vl.py}.
 */
public final class ConfigReader {
  private static final Map<String, String> ARCHITECTURES =
      Map.of(
          "llama",
          "LlamaForCausalLM",
          "qwen2",
          "Qwen2ForCausalLM",
          ModelConfig.QWEN2_VL,
          "Qwen2VLForConditionalGeneration",
          "qwen3",
          "Qwen3ForCausalLM");

  private static final int SIZE_MAX = 1 << 24;

  private final JsonFile config;

  private ConfigReader(JsonFile config) {
    this.config = config;
  }

  /**
   * Reads and checks a configuration.
   *
   * @throws CheckpointException with the reason, if such a model cannot be converted
   */
  public static ModelConfig read(JsonFile config) throws CheckpointException {
    return new ConfigReader(config).read();
  }

  private ModelConfig read() throws CheckpointException {
    String type = modelType();
    refuseFeatures(type);
    int hidden = size("hidden_size");
    int heads = size("num_attention_heads");
    int kvHeads = config.has("num_key_value_heads") ? size("num_key_value_heads") : heads;
    if (heads % kvHeads != 0) {
      throw refused("num_attention_heads", "a multiple of " + kvHeads + " kv heads", "" + heads);
    }
    int headSize = headSize(type, hidden, heads);
    boolean qwen2 = type.equals("qwen2") || type.equals(ModelConfig.QWEN2_VL);
    boolean attentionBias = config.findBoolean("attention_bias", false);
    RotaryConfig rotaryConfig = new RotaryConfig(config, size("max_position_embeddings"));
    RotaryRecord rotary = rotaryConfig.read(headSize);
    return new ModelConfig(
        type,
        hidden,
        size("num_hidden_layers"),
        heads,
        kvHeads,
        headSize,
        size("intermediate_size"),
        size("vocab_size"),
        rotaryConfig.contextTokensMax(),
        normEpsilon(),
        config.findBoolean("tie_word_embeddings", false),
        qwen2 || attentionBias,
        !qwen2 && attentionBias,
        type.equals("qwen3"),
        rotary,
        elementType());
  }

  private String modelType() throws CheckpointException {
    String type = config.findText("model_type", "");
    String known = ARCHITECTURES.get(type);
    if (known == null) {
      throw refused(
          "model_type",
          "one of " + ARCHITECTURES.keySet().stream().sorted().toList(),
          type.isEmpty() ? "nothing" : type);
    }
    JsonNode architectures = config.object().path("architectures");
    if (architectures.isArray() && !architectures.isEmpty()) {
      for (JsonNode architecture : architectures) {
        if (!known.equals(architecture.asText())) {
          throw refused("architectures", known, architecture.asText());
        }
      }
    }
    return type;
  }

  private void refuseFeatures(String type) throws CheckpointException {
    String activation = config.findText("hidden_act", "silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw refused("hidden_act", "silu", activation);
    }
    if (config.findBoolean("mlp_bias", false)) {
      throw refused("mlp_bias", "false: feed-forward biases are not carried over", "true");
    }
    for (String experts : new String[] {"num_experts", "num_local_experts", "n_routed_experts"}) {
      if (config.findInt(experts, 0) > 0) {
        throw refused(experts, "none: mixtures of experts are not converted", "some");
      }
    }
    double partial = config.findNumber("partial_rotary_factor", 1);
    if (partial != 1) {
      throw refused("partial_rotary_factor", "1", "" + partial);
    }
    refuseSlidingWindow(type);
  }

  /** A window in the file is not one in use: Qwen2.5 states one and turns it off. */
  private void refuseSlidingWindow(String type) throws CheckpointException {
    JsonNode layerTypes = config.object().path("layer_types");
    if (layerTypes.isArray()) {
      for (JsonNode layer : layerTypes) {
        if (!layer.asText().equals("full_attention")) {
          throw refused("layer_types", "full_attention in every layer", layer.asText());
        }
      }
      return;
    }
    boolean inUse =
        !type.equals("llama")
            && config.findBoolean("use_sliding_window", false)
            && config.has("sliding_window")
            && config.findInt("max_window_layers", 28) < config.findInt("num_hidden_layers", 0);
    if (inUse) {
      throw refused(
          "use_sliding_window",
          "false: attention over a sliding window is not carried over",
          "true, with a window of " + config.object().get("sliding_window"));
    }
  }

  private int headSize(String type, int hidden, int heads) throws CheckpointException {
    int headSize = config.findInt("head_dim", 0);
    if (headSize == 0) {
      // Qwen3's own default is not hidden / heads
      headSize = type.equals("qwen3") ? 128 : hidden / heads;
      if (!type.equals("qwen3") && hidden % heads != 0) {
        throw refused("hidden_size", "a multiple of " + heads + " heads", "" + hidden);
      }
    }
    if (headSize < 2 || headSize % 2 != 0 || headSize > 4096) {
      throw refused("head_dim", "an even number of 2 to 4096", "" + headSize);
    }
    return headSize;
  }

  private double normEpsilon() throws CheckpointException {
    double epsilon = config.findNumber("rms_norm_eps", 1e-6);
    if (!(epsilon > 0 && epsilon < 1)) {
      throw refused("rms_norm_eps", "a number between 0 and 1", "" + epsilon);
    }
    return epsilon;
  }

  private StorageType elementType() throws CheckpointException {
    String type = config.findText("dtype", config.findText("torch_dtype", "float32"));
    return switch (type) {
      case "float32" -> StorageType.F32;
      case "float16" -> StorageType.F16;
      case "bfloat16" -> StorageType.BF16;
      default -> throw refused("dtype", "float32, float16 or bfloat16", type);
    };
  }

  private int size(String field) throws CheckpointException {
    int size = config.requireInt(field);
    if (size < 1 || size > SIZE_MAX) {
      throw refused(field, "1 to " + SIZE_MAX, "" + size);
    }
    return size;
  }

  private CheckpointException refused(String field, String expected, String found) {
    return new CheckpointException(
        config.where(field),
        expected,
        found,
        "this model cannot be converted; see the list of supported models");
  }
}
