package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.WorkspaceManifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What went in comes out, on every rank of every count. */
class RoundTripTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny-qwen2.5",
        "tiny-qwen2.5-awq",
        "tiny-qwen2.5-gptq",
        "stories260K",
        "tiny-qwen2-vl"
      })
  void sampleModelComesOutExactly(String name) throws Exception {
    WorkspaceManifest manifest = check(SampleData.path("models/" + name));

    assertTrue(manifest.supportedRanks().containsAll(List.of(1, 2)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "F16", "BF16"})
  void everyElementTypeKeepsItsBits(String type) throws Exception {
    WorkspaceManifest manifest = check(new TinyCheckpoint().type(type));

    assertEquals(StorageType.valueOf(type), manifest.tensor("layers.0.qkv").storage());
    assertEquals(70, manifest.shape().vocabularySize());
    assertEquals(256, manifest.shape().vocabularyPadded());
    assertEquals(256, manifest.layers().get(0).feedForward().paddedWidth());
  }

  @Test
  void shardedCheckpointComesOutExactly() throws Exception {
    check(new TinyCheckpoint().with("num_hidden_layers", 3).shards(4));
  }

  @Test
  void qwen3WithWiderHeadsThanItsHiddenSizeComesOutExactly() throws Exception {
    WorkspaceManifest manifest =
        check(
            new TinyCheckpoint()
                .with("model_type", "qwen3")
                .with("architectures", List.of("Qwen3ForCausalLM"))
                .with("head_dim", 32)
                .with("tie_word_embeddings", true));

    assertTrue(manifest.layers().get(0).attention().queryKeyNorm());
    assertEquals(128, manifest.tensor("layers.0.output").inputs());
  }

  @Test
  void attentionBiasesOfLlamaComeOutExactly() throws Exception {
    WorkspaceManifest manifest = check(new TinyCheckpoint().with("attention_bias", true));

    assertTrue(manifest.layers().get(0).attention().outputBias());
  }

  @Test
  void keyValueHeadsAreReplicatedWhereThereAreMoreRanks() throws Exception {
    WorkspaceManifest manifest =
        check(
            new TinyCheckpoint()
                .with("num_attention_heads", 16)
                .with("num_key_value_heads", 2)
                .with("head_dim", 8));

    assertEquals(List.of(1, 2, 4, 8), manifest.supportedRanks());
  }

  @Test
  void oddHeadCountsAreSharedByTheirDivisors() throws Exception {
    WorkspaceManifest manifest =
        check(
            new TinyCheckpoint()
                .with("num_attention_heads", 12)
                .with("num_key_value_heads", 2)
                .with("head_dim", 10)
                .with("intermediate_size", 13)
                .with("vocab_size", 1));

    assertEquals(List.of(1, 2, 4, 6), manifest.supportedRanks());
    assertEquals(64 * 12, manifest.layers().get(0).feedForward().paddedWidth());
    assertEquals(
        "3 neither divides 2 key/value heads nor is a multiple of them",
        manifest.refusedRanks().get(0).reason());
  }

  @Test
  void awqWithOddWidthIsPaddedWithExactZeros() throws Exception {
    // 3 groups of 128: two ranks need 4
    WorkspaceManifest manifest = check(packed().quantization(TinyCheckpoint.awq()).type("F16"));

    assertEquals(List.of(1, 2), manifest.supportedRanks());
    assertEquals(512, manifest.layers().get(0).feedForward().paddedWidth());
    assertEquals(2, manifest.tensor("layers.0.down").slabs());
    assertEquals(StorageType.F16, manifest.tensor("layers.0.down").scaleType());
    assertTrue(manifest.refusedRanks().get(1).reason().contains("whole int4 tiles"));
  }

  @Test
  void bf16ScalesStayBf16() throws Exception {
    WorkspaceManifest manifest = check(packed().quantization(TinyCheckpoint.awq()));

    assertEquals(StorageType.BF16, manifest.tensor("layers.0.qkv").scaleType());
  }

  @ParameterizedTest
  @ValueSource(strings = {"gptq", "gptq_v2"})
  void gptqOfEitherVersionSymmetricOrNotComesOutExactly(String format) throws Exception {
    for (boolean symmetric : new boolean[] {true, false}) {
      check(packed().quantization(TinyCheckpoint.gptq(format, symmetric, 128)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 256})
  void widerGroupsShareTheirScaleOverTiles(int group) throws Exception {
    check(packed().quantization(TinyCheckpoint.gptq("gptq", false, group)).zeroBiases());
  }

  @Test
  void gptqWidthThatEndsInsideAGroupIsPaddedWithExactZeros() throws Exception {
    check(
        packed()
            .with("intermediate_size", 328)
            .quantization(TinyCheckpoint.gptq("gptq", false, 128)));
  }

  @Test
  void headsSmallerThanATileArePackedRowByRow() throws Exception {
    WorkspaceManifest manifest =
        check(
            packed()
                .with("num_attention_heads", 8)
                .with("num_key_value_heads", 4)
                .with("head_dim", 32)
                .quantization(TinyCheckpoint.awq()));

    assertEquals(List.of(1, 2), manifest.supportedRanks());
  }

  @Test
  void layersLeftDenseKeepTheirStorageAndMixedFusionsWidenExactly() throws Exception {
    WorkspaceManifest manifest =
        check(
            packed()
                .with("num_hidden_layers", 2)
                .quantization(TinyCheckpoint.awq(), "layers.0.", "layers.1.self_attn.k_proj"));

    assertEquals(StorageType.BF16, manifest.tensor("layers.0.gate_up").storage());
    assertEquals(StorageType.F32, manifest.tensor("layers.1.qkv").storage());
    assertEquals(StorageType.INT4, manifest.tensor("layers.1.gate_up").storage());
  }

  @Test
  void everyPartBeginsOnAPage() throws Exception {
    WorkspaceManifest manifest = check(packed().quantization(TinyCheckpoint.awq()));

    for (TensorEntry tensor : manifest.tensors()) {
      tensor.segments().forEach(segment -> assertEquals(0, segment.offset() % 4096));
    }
  }

  @Test
  void oldSettingsFilesAreRead() throws Exception {
    TinyCheckpoint checkpoint = packed().quantization(TinyCheckpoint.awq()).generate();
    Path source = checkpoint.write(folder.resolve("old"));
    Path config = source.resolve("config.json");
    var mapper = new com.fasterxml.jackson.databind.ObjectMapper();
    var tree = (com.fasterxml.jackson.databind.node.ObjectNode) mapper.readTree(config.toFile());
    tree.remove("quantization_config");
    mapper.writeValue(config.toFile(), tree);
    mapper.writeValue(
        source.resolve("quant_config.json").toFile(),
        Map.of("zero_point", true, "q_group_size", 128, "w_bit", 4, "version", "GEMM"));

    ConversionResult result =
        Conversion.ofCheckpoint(source, ConversionSettings.to(folder.resolve("old-ws")));

    assertEquals("awq", result.manifest().quantization().method());
  }

  /** Shapes that int4 tiles can hold: hidden 128, width 384, four heads of 64. */
  private static TinyCheckpoint packed() {
    return new TinyCheckpoint()
        .with("hidden_size", 128)
        .with("intermediate_size", 384)
        .with("head_dim", 64)
        .with("num_attention_heads", 4);
  }

  private WorkspaceManifest check(TinyCheckpoint checkpoint) throws Exception {
    Path source = folder.resolve("checkpoint-" + System.nanoTime());
    return check(checkpoint.generate().write(source));
  }

  private WorkspaceManifest check(Path source) throws Exception {
    Path target = folder.resolve("workspace-" + System.nanoTime());
    ConversionResult result = Conversion.ofCheckpoint(source, ConversionSettings.to(target));
    RoundTrip.check(source, target);
    return result.manifest();
  }
}
