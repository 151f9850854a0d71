package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.api.workspace.GenerationDefaults;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceSummary;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a conversion takes, refuses, and leaves behind. */
class ConversionTest {
  @TempDir Path folder;

  @Test
  void sameCheckpointIsConvertedOnce() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");

    ConversionResult first = convert(source, target);
    ConversionResult second = convert(source, target);

    assertFalse(first.alreadyThere());
    assertTrue(second.alreadyThere());
    assertEquals(0, second.bytesWritten());
    assertEquals(first.manifest(), second.manifest());
    assertNothingBut("source", "target");
  }

  @Test
  void languageModelOfQwen2VlIsFoundByBothNamesAndItsVisionLeftOut() throws Exception {
    TinyCheckpoint published = qwen2Vl("visual.");
    TinyCheckpoint inMemory = qwen2Vl("model.visual.");
    for (String name : inMemory.tensors().names()) {
      if (!name.contains("visual.")) {
        inMemory.tensors().rename(name, name.replaceFirst("^model\\.", "model.language_model."));
      }
    }

    ConversionResult first =
        convert(published.write(folder.resolve("published")), folder.resolve("first"));
    ConversionResult second =
        convert(inMemory.write(folder.resolve("memory")), folder.resolve("second"));

    assertEquals("qwen2_vl", first.manifest().architecture());
    assertEquals(first.manifest().tensors(), second.manifest().tensors());
    assertTrue(
        first.remarks().stream().anyMatch(remark -> remark.contains("vision tower")),
        first.remarks()::toString);
  }

  @Test
  void visionTensorsOfATextModelAreRefused() {
    TinyCheckpoint llama = new TinyCheckpoint().generate();
    llama.tensors().add("visual.a", "BF16", List.of(1L), ByteBuffer.allocate(2));

    assertThrows(
        dev.millrace.converter.read.CheckpointException.class,
        () -> convert(llama.write(folder.resolve("source")), folder.resolve("target")));
  }

  private static TinyCheckpoint qwen2Vl(String vision) {
    TinyCheckpoint checkpoint =
        new TinyCheckpoint()
            .with("model_type", "qwen2_vl")
            .with("architectures", List.of("Qwen2VLForConditionalGeneration"))
            .with("rope_scaling", Map.of("type", "mrope", "mrope_section", List.of(2, 3, 3)))
            .generate();
    checkpoint
        .tensors()
        .add(vision + "patch_embed.weight", "BF16", List.of(2L), ByteBuffer.allocate(4));
    return checkpoint;
  }

  @Test
  void conversionThatEndsAfterAnotherOfTheSameTakesItsWorkspace() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    List<ConversionResult> first = new ArrayList<>();

    ConversionResult second =
        Conversion.ofCheckpoint(
            source, meanwhile(target, () -> first.add(convert(source, target))));

    assertFalse(first.get(0).alreadyThere());
    assertTrue(second.alreadyThere());
    assertEquals(first.get(0).manifest(), second.manifest());
    assertNothingBut("source", "target");
  }

  @Test
  void filesThatComeMeanwhileAreNotReplaced() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");

    String message =
        assertThrows(
                ConversionException.class,
                () ->
                    Conversion.ofCheckpoint(
                        source,
                        meanwhile(
                            target,
                            () ->
                                Files.writeString(
                                    Files.createDirectory(target).resolve("notes"), "mine"))))
            .getMessage();

    assertTrue(message.contains("expected nothing, or an empty folder, found other"), message);
    assertEquals("mine", Files.readString(target.resolve("notes")));
    assertNothingBut("source", "target");
  }

  @Test
  void workspaceOfAnotherCheckpointIsNotReplaced() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path other = new TinyCheckpoint().type("F32").generate().write(folder.resolve("other"));
    Path target = folder.resolve("target");
    convert(source, target);

    String message =
        assertThrows(ConversionException.class, () -> convert(other, target)).getMessage();

    assertTrue(message.contains("found a workspace of source"), message);
    assertTrue(message.contains("choose another output, or delete this one first"), message);
    assertNothingBut("source", "other", "target");
  }

  @Test
  void workspaceForOtherRanksIsNotReplaced() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    convert(source, target);

    String message =
        assertThrows(
                ConversionException.class,
                () ->
                    Conversion.ofCheckpoint(source, ConversionSettings.to(target).withRanksMax(2)))
            .getMessage();

    assertTrue(message.contains("for ranks [1, 2], found a workspace"), message);
  }

  @Test
  void onlyAnEmptyFolderMayStandInTheWay() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Path file = Files.writeString(folder.resolve("file"), "mine");
    Path full = Files.createDirectory(folder.resolve("full"));
    Files.writeString(full.resolve("notes"), "mine");

    convert(source, empty);

    Workspace.open(empty).close();
    assertThrows(ConversionException.class, () -> convert(source, file));
    assertThrows(ConversionException.class, () -> convert(source, full));
    assertEquals("mine", Files.readString(file));
    assertEquals("mine", Files.readString(full.resolve("notes")));
  }

  @Test
  void linkToAnEmptyFolderIsFollowed() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    Path link = Files.createSymbolicLink(folder.resolve("link"), empty);
    Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("none"));

    assertFalse(convert(source, link).alreadyThere());
    assertTrue(convert(source, link).alreadyThere());

    Workspace.open(empty).close();
    assertThrows(ConversionException.class, () -> convert(source, dangling));
    assertNothingBut("source", "empty", "link", "dangling");
  }

  @Test
  void mountPointIsRefusedBeforeAnythingIsWritten() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path mount = Path.of("/dev/shm");
    assumeTrue(
        Conversion.isEmptyFolder(mount)
            && !Files.getFileStore(mount).equals(Files.getFileStore(mount.getParent())),
        "no empty mount point");

    String message =
        assertThrows(ConversionException.class, () -> convert(source, mount)).getMessage();

    assertTrue(
        message.endsWith(
            "expected a folder that can be replaced, found a mount point; name a folder inside"
                + " it"),
        message);
  }

  @Test
  void damagedWorkspaceIsToBeDeletedFirst() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Path target = folder.resolve("target");
    convert(source, target);
    Files.delete(target.resolve(Workspace.CHECKSUM_FILE));

    String message =
        assertThrows(ConversionException.class, () -> convert(source, target)).getMessage();

    assertTrue(message.endsWith("; delete " + target + ", then run this again"), message);
  }

  @Test
  void textsAreCopiedAndCheckedBeforeTheWeights() throws Exception {
    Path source = SampleData.path("models/tiny-qwen2.5");
    List<String> seen = new ArrayList<>();
    ConversionSettings settings =
        ConversionSettings.to(folder.resolve("target"))
            .withTextCheck(
                (texts, vocabularySize) -> {
                  seen.add(vocabularySize + " " + Files.exists(texts.resolve("tokenizer.json")));
                  return List.of("a remark");
                });

    ConversionResult result = Conversion.ofCheckpoint(source, settings);

    assertEquals(List.of("4096 true"), seen);
    assertEquals(List.of("a remark"), result.remarks());
    try (Workspace workspace = Workspace.open(result.workspace())) {
      assertEquals(
          Files.readString(source.resolve("tokenizer_config.json")),
          new String(
              workspace.readText("tokenizer_config.json"),
              java.nio.charset.StandardCharsets.UTF_8));
    }
  }

  @Test
  void textCheckThatRefusesLeavesNothingBehind() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    ConversionSettings settings =
        ConversionSettings.to(folder.resolve("target"))
            .withTextCheck(
                (texts, vocabularySize) -> {
                  throw new IOException("the template has an unknown tag");
                });

    assertThrows(IOException.class, () -> Conversion.ofCheckpoint(source, settings));

    assertNothingBut("source");
  }

  @Test
  void diskThatIsTooSmallIsRefusedBeforeAnythingIsWritten() throws Exception {
    Path config =
        new TinyCheckpoint()
            .with("hidden_size", 16_384)
            .with("intermediate_size", 262_144)
            .with("num_hidden_layers", 400)
            .with("torch_dtype", "float32")
            .write(folder.resolve("config"))
            .resolve("config.json");

    String message =
        assertThrows(
                ConversionException.class,
                () ->
                    Conversion.ofRandom(
                        1, config, null, null, ConversionSettings.to(folder.resolve("target"))))
            .getMessage();

    assertTrue(message.contains("free bytes for the workspace, found "), message);
    assertNothingBut("config");
  }

  @Test
  void interruptedConversionLeavesNothingBehind() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    Thread self = Thread.currentThread();
    ConversionSettings settings =
        ConversionSettings.to(folder.resolve("target"))
            .withTextCheck(
                (texts, vocabularySize) -> {
                  self.interrupt();
                  return List.of();
                });

    assertThrows(InterruptedException.class, () -> Conversion.ofCheckpoint(source, settings));
    assertFalse(Thread.interrupted());

    assertNothingBut("source");
  }

  @Test
  void checkpointWithoutTokenizerIsRemarkedUpon() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));

    ConversionResult result = convert(source, folder.resolve("target"));

    assertEquals(
        List.of("there is no tokenizer.json: prompts can be given as token ids alone"),
        result.remarks());
  }

  @Test
  void progressGrowsToTheTotal() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    List<ConversionProgress> reports = new ArrayList<>();

    Conversion.ofCheckpoint(
        source, ConversionSettings.to(folder.resolve("target")).withProgress(reports::add));

    long before = 0;
    for (ConversionProgress report : reports) {
      assertTrue(report.bytesDone() >= before);
      before = report.bytesDone();
    }
    assertEquals(reports.get(0).bytesTotal(), before);
    assertEquals(0.0, reports.get(reports.size() - 1).secondsLeft());
  }

  @Test
  void generationDefaultsComeFromTheirFileAndElseTheConfiguration() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().with("bos_token_id", 1).generate();
    Path source = checkpoint.write(folder.resolve("source"));
    Files.writeString(
        source.resolve("generation_config.json"),
        "{\"eos_token_id\":[7,8],\"pad_token_id\":-1,\"do_sample\":true,\"temperature\":0.7,\"top_k\":20,\"top_p\":0.8}");

    GenerationDefaults found = convert(source, folder.resolve("target")).manifest().generation();

    assertEquals(new GenerationDefaults(1, List.of(7, 8), null, true, 0.7, 20, 0.8, null), found);
  }

  @Test
  void summaryCountsTheModelAndNotItsPadding() throws Exception {
    Path source = new TinyCheckpoint().generate().write(folder.resolve("source"));
    WorkspaceSummary summary =
        WorkspaceSummary.of(convert(source, folder.resolve("target")).manifest());

    long parameters = 0;
    NaiveCheckpoint naive = new NaiveCheckpoint(source);
    for (String name : naive.names()) {
      String module = name.replace(".weight", "");
      parameters +=
          name.contains("norm")
              ? 64
              : (long) naive.matrix(module).length * naive.matrix(module)[0].length;
    }
    assertEquals(parameters, summary.parameters());
    assertEquals(List.of(1, 2, 4), summary.ranks().stream().map(r -> r.ranks()).toList());
    assertTrue(summary.ranks().get(1).bytes() < summary.ranks().get(0).bytes());
  }

  @Test
  void layersThatArePackedAndLayersThatAreNotHaveOneWidth() throws Exception {
    Path source =
        packed()
            .with("intermediate_size", 128)
            .with("num_attention_heads", 3)
            .with("num_key_value_heads", 3)
            .with("head_dim", 128)
            .with("num_hidden_layers", 2)
            .quantization(TinyCheckpoint.awq(), "layers.0.")
            .generate()
            .write(folder.resolve("source"));

    ConversionResult result = convert(source, folder.resolve("target"));

    assertEquals(
        List.of(384, 384),
        result.manifest().layers().stream().map(l -> l.feedForward().paddedWidth()).toList());
    RoundTrip.check(source, result.workspace());
  }

  @Test
  void activationOrderIsRefusedWithTheReason() throws Exception {
    TinyCheckpoint checkpoint =
        packed()
            .with("hidden_size", 256)
            .quantization(TinyCheckpoint.gptq("gptq", true, 128))
            .shuffledGroups();

    assertRefused(checkpoint.generate(), "the inputs are in activation order (desc_act true)");
  }

  @Test
  void packedLayerThatSettingsCallDenseIsRefused() throws Exception {
    Map<String, Object> settings = new java.util.HashMap<>(TinyCheckpoint.awq());
    settings.put("modules_to_not_convert", List.of("o_proj"));

    assertRefused(
        packed().quantization(settings).generate(), "expected dense weights, as the quantization");
  }

  @Test
  void hiddenSizeThatTilesCannotHoldIsRefused() throws Exception {
    assertRefused(
        packed()
            .with("hidden_size", 192)
            .quantization(TinyCheckpoint.gptq("gptq", true, -1))
            .generate(),
        "expected whole int4 tiles of 64 outputs x 128 inputs");
  }

  @Test
  void wideScalesAreRefused() throws Exception {
    assertRefused(
        packed().type("F32").quantization(TinyCheckpoint.awq()).generate(),
        "expected F16 or BF16: an int4 tile holds 16-bit scales, found F32");
  }

  @Test
  void singleFileIsTakenWhereThereAreShardsToo() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    Path single = checkpoint.write(folder.resolve("single"));
    Path source = checkpoint.write(folder.resolve("source"));
    ByteBuffer norm = checkpoint.tensors().bytes("model.norm.weight");
    norm.putShort(0, (short) (norm.getShort(0) ^ 1));
    checkpoint.shards(2).write(source);

    RoundTrip.check(single, convert(source, folder.resolve("target")).workspace());
  }

  @Test
  void missingTensorIsRefused() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    checkpoint.tensors().remove("model.layers.0.mlp.up_proj.weight");

    assertRefused(checkpoint, "expected a tensor model.layers.0.mlp.up_proj.weight, found none");
  }

  @Test
  void wrongShapeIsRefused() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    checkpoint.tensors().add("model.norm.weight", "BF16", List.of(63L), buffer(126));

    assertRefused(
        checkpoint,
        "model.safetensors, tensor model.norm.weight: expected BF16 [64], found BF16 [63]");
  }

  @Test
  void wrongElementTypeIsRefused() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    checkpoint.tensors().add("model.norm.weight", "I64", List.of(64L), buffer(512));

    assertRefused(checkpoint, "tensor model.norm.weight: expected F32, F16 or BF16, found I64");
  }

  @Test
  void tensorThatTheModelHasNoPlaceForIsRefused() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    checkpoint
        .tensors()
        .add("model.layers.0.mlp.gate_proj.bias", "BF16", List.of(96L), buffer(192));

    assertRefused(checkpoint, "tensor model.layers.0.mlp.gate_proj.bias: expected only tensors of");
  }

  @Test
  void biasOfGptqThatIsNotZeroIsRefused() throws Exception {
    TinyCheckpoint checkpoint =
        packed().quantization(TinyCheckpoint.gptq("gptq", true, 128)).zeroBiases().generate();
    checkpoint.tensors().bytes("model.layers.0.mlp.up_proj.bias").putShort(4, (short) 0x3f80);

    assertRefused(checkpoint, "tensor model.layers.0.mlp.up_proj.bias: expected only tensors of");
  }

  @Test
  void tensorsThatFollowFromTheRestAreLeftOut() throws Exception {
    TinyCheckpoint checkpoint = new TinyCheckpoint().generate();
    checkpoint.with("tie_word_embeddings", true);
    checkpoint
        .tensors()
        .add("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", List.of(8L), buffer(32));
    Path source = checkpoint.write(folder.resolve("source"));

    ConversionResult result = convert(source, folder.resolve("target"));

    assertTrue(result.manifest().shape().tiedHead());
    RoundTrip.check(source, result.workspace());
  }

  /** Settings of a conversion during which something else happens, once. */
  private static ConversionSettings meanwhile(Path target, Callable<?> event) {
    AtomicBoolean happened = new AtomicBoolean();
    return ConversionSettings.to(target)
        .withProgress(
            progress -> {
              if (!happened.getAndSet(true)) {
                try {
                  event.call();
                } catch (Exception e) {
                  throw new AssertionError(e);
                }
              }
            });
  }

  private static TinyCheckpoint packed() {
    return new TinyCheckpoint()
        .with("hidden_size", 128)
        .with("intermediate_size", 256)
        .with("head_dim", 64)
        .with("num_key_value_heads", 4);
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static ConversionResult convert(Path source, Path target) throws Exception {
    return Conversion.ofCheckpoint(source, ConversionSettings.to(target));
  }

  private void assertRefused(TinyCheckpoint checkpoint, String message) throws Exception {
    Path source = checkpoint.write(folder.resolve("source"));

    IOException refusal =
        assertThrows(IOException.class, () -> convert(source, folder.resolve("target")));

    assertTrue(refusal.getMessage().contains(message), refusal.getMessage());
    assertNothingBut("source");
  }

  private void assertNothingBut(String... names) throws IOException {
    try (var entries = Files.list(folder)) {
      assertEquals(
          List.of(names).stream().sorted().toList(),
          entries.map(entry -> entry.getFileName().toString()).sorted().toList());
    }
  }
}
