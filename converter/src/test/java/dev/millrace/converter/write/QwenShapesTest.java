package dev.millrace.converter.write;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.TensorEntry.StripRange;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.converter.read.ConfigReader;
import dev.millrace.converter.read.JsonFile;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.read.QuantizationConfig.Method;
import dev.millrace.converter.weights.RandomWeights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The int4 models of the Qwen2.5 family, split over ranks: shapes alone, no weight is made. */
final class QwenShapesTest {
  private static final int LAYERS = 2;

  @TempDir private Path folder;

  private ConversionPlan plan(int hidden, int heads, int kvHeads, int width, Method method)
      throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("config.json"),
            """
            {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "hidden_size": %d,
             "num_attention_heads": %d, "num_key_value_heads": %d, "intermediate_size": %d,
             "num_hidden_layers": %d, "vocab_size": 152064, "max_position_embeddings": 32768,
             "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, "hidden_act": "silu",
             "tie_word_embeddings": false, "torch_dtype": "bfloat16", "eos_token_id": 151645}
            """
                .formatted(hidden, heads, kvHeads, width, LAYERS));
    ModelConfig config = ConfigReader.read(JsonFile.read(file));
    return ConversionPlan.of(new RandomWeights(1, config, method), config, 8);
  }

  @ParameterizedTest
  @CsvSource({
    "7B,  3584, 28, 4, 18944, 18944, 1 2 4",
    "14B, 5120, 40, 8, 13824, 14336, 1 2 4 8",
    "32B, 5120, 40, 8, 27648, 27648, 1 2 4 8",
    "72B, 8192, 64, 8, 29568, 29696, 1 2 4 8"
  })
  void everyRankGetsWholeTilesAndAllOfThemOnce(
      String model, int hidden, int heads, int kvHeads, int width, int padded, String ranks)
      throws IOException {
    for (Method method : Method.values()) {
      ConversionPlan plan = plan(hidden, heads, kvHeads, width, method);

      assertEquals(ranks, join(plan.supportedRanks()), model);
      assertEquals(padded, plan.layers().get(0).feedForward().paddedWidth(), model);
      assertEquals(width, plan.layers().get(0).feedForward().width(), model);
      for (int tp : plan.supportedRanks()) {
        for (TensorEntry tensor : plan.tensors()) {
          if (tensor.storage() == StorageType.INT4) {
            checkParts(tensor, tp);
          }
        }
      }
      TensorEntry down = tensor(plan, TensorNames.DOWN);
      assertEquals(padded, down.inputs());
      assertEquals(0, padded % (plan.supportedRanks().get(plan.supportedRanks().size() - 1) * 128));
      assertEquals(2L * padded, tensor(plan, TensorNames.GATE_UP).outputs());
    }
  }

  /** Parts are whole tiles, equally large, and together each strip of the tensor. */
  private static void checkParts(TensorEntry tensor, int ranks) {
    assertEquals(0, tensor.partOutputs(ranks) % Int4Tile.OUTPUTS, tensor.name());
    assertEquals(0, tensor.partInputs(ranks) % Int4Tile.INPUTS, tensor.name());
    boolean[] seen = new boolean[Math.toIntExact(tensor.strips())];
    long each = -1;
    for (int rank = 0; rank < ranks; rank++) {
      long strips = 0;
      for (StripRange range : tensor.part(ranks, rank)) {
        for (long strip = range.from(); strip < range.to(); strip++) {
          seen[(int) strip] = true;
          strips++;
        }
      }
      assertTrue(each < 0 || each == strips, tensor.name() + " of rank " + rank);
      each = strips;
      long tiles =
          tensor.partOutputs(ranks)
              / Int4Tile.OUTPUTS
              * (tensor.partInputs(ranks) / Int4Tile.INPUTS);
      assertEquals(
          tiles * Int4Tile.BYTES, strips * tensor.stripBytes(), tensor.name() + " tp " + ranks);
    }
    for (boolean strip : seen) {
      assertTrue(strip, tensor.name() + " tp " + ranks + ": a strip is nobody's");
    }
  }

  @Test
  void smallestModelIsRefusedOverTwoRanksWithTheReason() throws IOException {
    ConversionPlan plan = plan(896, 14, 2, 4864, Method.AWQ);

    assertEquals(List.of(1), plan.supportedRanks());
    String reason =
        plan.refusedRanks().stream()
            .filter(refusal -> refusal.ranks() == 2)
            .map(RankRefusal::reason)
            .findFirst()
            .orElseThrow();
    assertEquals(
        "896 inputs of the output projection are not 2 runs of whole int4 tiles of 128 inputs",
        reason);
  }

  @Test
  void sevenBillionAreRefusedOverEightRanksWithTheReason() throws IOException {
    ConversionPlan plan = plan(3584, 28, 4, 18944, Method.GPTQ);

    String reason =
        plan.refusedRanks().stream()
            .filter(refusal -> refusal.ranks() == 8)
            .map(RankRefusal::reason)
            .findFirst()
            .orElseThrow();
    assertEquals("8 does not divide 28 query heads", reason);
  }

  private static TensorEntry tensor(ConversionPlan plan, String kind) {
    return plan.tensors().stream()
        .filter(tensor -> tensor.name().equals(TensorNames.layer(0, kind)))
        .findFirst()
        .orElseThrow();
  }

  private static String join(List<Integer> numbers) {
    return String.join(" ", numbers.stream().map(String::valueOf).toList());
  }
}
