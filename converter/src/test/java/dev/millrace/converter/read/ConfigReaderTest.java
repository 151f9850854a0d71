package dev.millrace.converter.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.workspace.RotaryRecord;
import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Configurations in every spelling, and the reasons for those that are refused. */
class ConfigReaderTest {
  private static final String LLAMA =
      "'model_type':'llama','architectures':['LlamaForCausalLM'],'hidden_size':64,"
          + "'intermediate_size':96,'num_hidden_layers':2,'num_attention_heads':4,"
          + "'num_key_value_heads':2,'vocab_size':70,'max_position_embeddings':128,"
          + "'torch_dtype':'bfloat16'";

  @TempDir Path folder;

  @Test
  void inverseFrequenciesAreThoseOfTransformers() throws IOException {
    int exact = 0;
    int all = 0;
    for (String line : Files.readAllLines(goldens())) {
      JsonNode golden = new ObjectMapper().readTree(line);
      RotaryRecord rotary = read(golden.get("config").toString()).rotary();
      JsonNode expected = golden.get("inverse_frequencies");
      assertEquals(expected.size(), rotary.inverseFrequencies().size(), line);
      for (int i = 0; i < expected.size(); i++) {
        int bits = Integer.parseUnsignedInt(expected.get(i).asText(), 16);
        int found = Float.floatToIntBits(rotary.inverseFrequencies().get(i));
        // torch raises to powers with a vector library that is right to one unit in the last place
        // before the arithmetic that follows it
        assertTrue(
            Math.abs(bits - found) <= 2,
            rotary.scaling() + " frequency " + i + ": expected bits " + bits + ", found " + found);
        exact += bits == found ? 1 : 0;
        all++;
      }
      assertEquals(
          (float) golden.get("attention_factor").asDouble(), rotary.attentionFactor(), line);
    }
    assertTrue(exact >= all * 0.95, exact + " of " + all + " are equal to the last bit");
  }

  @Test
  void bothSpellingsOfRotarySettingsMeanTheSame() throws IOException {
    String scaling =
        "'factor':8.0,'low_freq_factor':1.0,'high_freq_factor':4.0,"
            + "'original_max_position_embeddings':64,'rope_type':'llama3'";
    ModelConfig old =
        read("{" + LLAMA + ",'rope_theta':500000.0,'rope_scaling':{" + scaling + "}}");
    ModelConfig current =
        read("{" + LLAMA + ",'rope_parameters':{'rope_theta':500000.0," + scaling + "}}");

    assertEquals(old, current);
    assertEquals("llama3", old.rotary().scaling());
    assertEquals(8.0, old.rotary().parameters().get("factor"));
  }

  @Test
  void contextGrowsByLinearAndYarnFactorsAlone() throws IOException {
    assertEquals(128, read("{" + LLAMA + "}").contextTokensMax());
    assertEquals(
        512,
        read("{" + LLAMA + ",'rope_scaling':{'type':'linear','factor':4}}").contextTokensMax());
    assertEquals(
        256,
        read("{"
                + LLAMA
                + ",'rope_scaling':{'type':'yarn','factor':4,"
                + "'original_max_position_embeddings':64}}")
            .contextTokensMax());
  }

  @Test
  void defaultsAreThoseOfTransformers() throws IOException {
    ModelConfig config = read("{" + LLAMA + "}");

    assertEquals(16, config.headSize());
    assertEquals(1e-6, config.normEpsilon());
    assertEquals(10000.0, config.rotary().theta());
    assertEquals(StorageType.BF16, config.elementType());
    assertEquals(List.of(false, false, false, false), flags(config));
  }

  @Test
  void qwen2HasBiasesAndQwen3HasHeadNorms() throws IOException {
    assertEquals(List.of(false, true, false, false), flags(read(family("qwen2", "Qwen2"))));
    assertEquals(List.of(false, false, false, true), flags(read(family("qwen3", "Qwen3"))));
    assertEquals(128, read(family("qwen3", "Qwen3")).headSize());
  }

  @Test
  void textOfQwen2VlIsReadAsQwen2() throws IOException {
    String vl =
        family("qwen2_vl", "Qwen2VL")
            .replace("ForCausalLM", "ForConditionalGeneration")
            .replace(
                "}",
                ",\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[2,3,3]},"
                    + "\"vision_config\":{\"depth\":4}}");

    ModelConfig config = read(vl);

    assertEquals(List.of(false, true, false, false), flags(config));
    assertEquals(
        read(family("qwen2", "Qwen2")).rotary().inverseFrequencies(),
        config.rotary().inverseFrequencies());
  }

  @Test
  void windowThatIsTurnedOffIsNoReasonToRefuse() throws IOException {
    read(
        family("qwen2", "Qwen2")
            .replace("}", ",\"sliding_window\":32768,\"use_sliding_window\":false}"));
    read(
        family("qwen2", "Qwen2")
            .replace(
                "}",
                ",\"sliding_window\":32768,\"use_sliding_window\":true,\"max_window_layers\":2}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "'model_type':'gemma' | model_type: expected one of [llama, qwen2, qwen2_vl, qwen3], found gemma",
        "'architectures':['LlamaForSequenceClassification'] | expected LlamaForCausalLM",
        "'hidden_act':'gelu' | hidden_act: expected silu, found gelu",
        "'mlp_bias':true | mlp_bias: expected false",
        "'num_experts':8 | mixtures of experts are not converted",
        "'num_local_experts':8 | mixtures of experts are not converted",
        "'partial_rotary_factor':0.5 | partial_rotary_factor: expected 1, found 0.5",
        "'layer_types':['full_attention','sliding_attention'] | layer_types: expected full_attention in every layer, found sliding_attention",
        "'rope_scaling':{'type':'dynamic','factor':2} | expected default, linear, llama3, yarn or mrope, found dynamic",
        "'rope_scaling':{'type':'linear'} | factor: expected a number, found nothing",
        "'rope_scaling':{'type':'linear','factor':0.5} | factor: expected a finite number of at least 1, found 0.5",
        "'rope_scaling':{'type':'linear','factor':1e300} | factor: expected a finite number of at least 1, found 1.0E300",
        "'rope_scaling':{'type':'llama3','factor':8,'low_freq_factor':1,'high_freq_factor':4,'original_max_position_embeddings':0} | original_max_position_embeddings: expected a finite number above 0, found 0.0",
        "'rope_scaling':{'type':'yarn','factor':4,'original_max_position_embeddings':-64} | original_max_position_embeddings: expected a finite number above 0, found -64.0",
        "'rope_scaling':{'type':'yarn','factor':4,'beta_fast':-1} | beta_fast: expected a finite number above 0, found -1.0",
        "'rope_scaling':{'type':'yarn','factor':4,'attention_factor':-1} | attention_factor: expected a finite number above 0, found -1.0",
        "'rope_theta':1e300 | rope_theta: expected a finite number above 1, found 1.0E300",
        "'rms_norm_eps':0 | rms_norm_eps: expected a number between 0 and 1, found 0.0",
        "'rms_norm_eps':-1e-6 | rms_norm_eps: expected a number between 0 and 1, found -1.0E-6",
        "'num_key_value_heads':3 | expected a multiple of 3 kv heads, found 4",
        "'head_dim':15 | head_dim: expected an even number of 2 to 4096, found 15",
        "'hidden_size':'64' | hidden_size: expected a whole number",
        "'hidden_size':0 | hidden_size: expected 1 to",
        "'hidden_size':null | hidden_size: expected a whole number, found nothing",
        "'vocab_size':1e300 | vocab_size: expected a whole number below 2^31",
        "'torch_dtype':'float8' | dtype: expected float32, float16 or bfloat16, found float8",
        "'tie_word_embeddings':'yes' | tie_word_embeddings: expected true or false",
      })
  void modelThatCannotBeConvertedIsRefusedWithTheReason(String field, String message)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    var config =
        (com.fasterxml.jackson.databind.node.ObjectNode) mapper.readTree(json("{" + LLAMA + "}"));
    config.setAll(
        (com.fasterxml.jackson.databind.node.ObjectNode) mapper.readTree(json("{" + field + "}")));

    CheckpointException refusal =
        assertThrows(CheckpointException.class, () -> read(config.toString()));

    assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    assertTrue(refusal.getMessage().startsWith("config.json, "), refusal.getMessage());
  }

  @Test
  void slidingWindowInUseIsRefused() {
    String config =
        family("qwen2", "Qwen2")
            .replace(
                "}",
                ",\"sliding_window\":32768,\"use_sliding_window\":true,\"max_window_layers\":1}");

    CheckpointException refusal = assertThrows(CheckpointException.class, () -> read(config));

    assertTrue(refusal.getMessage().contains("true, with a window of 32768"), refusal.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "'quant_method':'fp8' | quant_method: expected awq or gptq, found fp8",
        "'bits':4 | quant_method: expected awq or gptq, found nothing",
        "'quant_method':'awq','version':'gemv' | version: expected gemm, found gemv",
        "'quant_method':'awq','bits':8 | bits: expected 4, found 8",
        "'quant_method':'awq','group_size':64 | group_size: expected a multiple of 128, or -1: an int4 tile holds one scale for 128 inputs, found 64",
        "'quant_method':'gptq','bits':3 | bits: expected 4, found 3",
        "'quant_method':'gptq','bits':4,'group_size':32 | found 32",
        "'quant_method':'gptq','bits':4,'checkpoint_format':'marlin' | checkpoint_format: expected gptq or gptq_v2, found marlin",
      })
  void packingThatTilesCannotHoldIsRefusedWithTheReason(String settings, String message)
      throws IOException {
    Path file = folder.resolve("config.json");
    Files.writeString(file, json("{'quantization_config':{" + settings + "}}"));
    JsonFile config = JsonFile.read(file);

    CheckpointException refusal =
        assertThrows(CheckpointException.class, () -> QuantizationConfig.read(folder, config));

    assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
  }

  private static List<Boolean> flags(ModelConfig config) {
    return List.of(config.tiedHead(), config.qkvBias(), config.outputBias(), config.queryKeyNorm());
  }

  private static String family(String type, String name) {
    return json(
        "{" + LLAMA.replace("'llama'", "'" + type + "'").replace("LlamaFor", name + "For") + "}");
  }

  private ModelConfig read(String config) throws IOException {
    Path file = folder.resolve("config.json");
    Files.writeString(file, json(config));
    return ConfigReader.read(JsonFile.read(file));
  }

  private static String json(String text) {
    return text.replace('\'', '"');
  }

  private static Path goldens() {
    Path folder = Path.of(System.getProperty("user.dir")).toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("sample-data"))) {
      folder = folder.getParent();
    }
    return folder.resolve("sample-data/golden/rotary.jsonl");
  }
}
