package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Layout;
import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.TensorEntry.Split;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.api.workspace.WorkspaceManifest.SourceRecord;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A workspace of one layer for tests: hidden 64, two query heads and one key/value head of 64,
 * width 256, 256 token ids, for 1 and 2 ranks. Byte i of a strip s of tensor t is a mix of the
 * three.
 */
final class SmallWorkspace {
  static final List<Integer> RANKS = List.of(1, 2);
  private static final KvGroups GROUPS = new KvGroups(1, 2, 64);

  private SmallWorkspace() {}

  static byte expected(String tensor, long strip, int index) {
    return (byte) (tensor.hashCode() * 31L + strip * 7 + index);
  }

  static Path write(Path target) throws IOException {
    return write(target, WorkspaceLayout.plan(tensors(), RANKS));
  }

  static Path write(Path target, WorkspaceLayout layout) throws IOException {
    try (WorkspaceWriter writer = WorkspaceWriter.create(target, layout)) {
      List<TextFile> texts =
          List.of(writer.addText("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8)));
      ByteBuffer block = writer.newBlock(1);
      for (int i = 0; i < layout.tensors().size(); i++) {
        TensorEntry tensor = layout.tensors().get(i);
        for (int j = 0; j < tensor.segments().size(); j++) {
          writer.write(i, j, (first, strips, out) -> fill(tensor, first, strips, out), block);
        }
      }
      writer.publish(manifest(writer.tensors(), layout, texts));
    }
    return target;
  }

  static void fill(TensorEntry tensor, long first, int strips, ByteBuffer out) {
    for (long strip = first; strip < first + strips; strip++) {
      for (int i = 0; i < tensor.stripBytes(); i++) {
        out.put(expected(tensor.name(), strip, i));
      }
    }
  }

  static WorkspaceManifest manifest(
      List<TensorEntry> tensors, WorkspaceLayout layout, List<TextFile> texts) {
    List<Float> frequencies = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      frequencies.add((float) Math.pow(10000, -i / 32.0));
    }
    AttentionRecord attention =
        new AttentionRecord(
            AttentionRecord.Kind.FULL,
            2,
            1,
            64,
            false,
            false,
            false,
            new RotaryRecord(10000, "default", Map.of(), frequencies, 1),
            StorageType.BF16);
    FeedForwardRecord feedForward =
        new FeedForwardRecord(
            FeedForwardRecord.Kind.DENSE, 200, 256, FeedForwardRecord.Activation.SILU, 64);
    return new WorkspaceManifest(
        1,
        "test",
        "llama",
        new ModelShape(64, 250, 256, 128, 1e-6, true),
        List.of(new LayerRecord(attention, feedForward)),
        RANKS,
        List.of(new RankRefusal(3, "3 does not divide 2 query heads")),
        new SourceRecord("random", "seed 1", "0".repeat(64), 0),
        null,
        new GenerationDefaults(null, List.of(2), null, null, null, null, null, null),
        texts,
        layout.dataFiles(),
        tensors);
  }

  static List<TensorEntry> tensors() {
    return List.of(
        dense("embedding", StorageType.BF16, Layout.OUTPUT_MAJOR, Split.EVEN, 256, 64),
        vector("layers.0.attention_norm"),
        new TensorEntry(
            "layers.0.qkv",
            StorageType.BF16,
            null,
            Layout.OUTPUT_MAJOR,
            Split.KV_GROUPS,
            GROUPS.outputs(),
            64,
            1,
            GROUPS,
            List.of()),
        dense("layers.0.output", StorageType.F16, Layout.INPUT_MAJOR, Split.EVEN, 64, 128),
        vector("layers.0.feed_forward_norm"),
        dense("layers.0.gate_up", StorageType.F32, Layout.OUTPUT_MAJOR, Split.EVEN, 512, 64),
        new TensorEntry(
            "layers.0.down",
            StorageType.INT4,
            StorageType.F16,
            Layout.INPUT_MAJOR,
            Split.EVEN,
            64,
            256,
            2,
            null,
            List.of()),
        vector("final_norm"));
  }

  private static TensorEntry dense(
      String name, StorageType type, Layout layout, Split split, long outputs, long inputs) {
    return new TensorEntry(
        name, type, null, layout, split, outputs, inputs, 1, null, List.<Segment>of());
  }

  private static TensorEntry vector(String name) {
    return dense(name, StorageType.F32, Layout.OUTPUT_MAJOR, Split.REPLICATED, 64, 1);
  }
}
