package dev.millrace.engine.model;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.KvGroups;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.StripSource;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.TensorEntry.Layout;
import dev.millrace.api.workspace.TensorEntry.Split;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceLayout;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.api.workspace.WorkspaceWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes a {@link TinyModel} as a workspace: fuses, orders, pads and lays out its matrices. */
final class TinyWorkspace {
  private final TinyModel model;
  private final Map<String, TinyMatrix> apart;
  private final Map<String, TinyMatrix> fused = new LinkedHashMap<>();
  private final KvGroups groups;

  TinyWorkspace(TinyModel model) {
    this.model = model;
    this.apart = model.matrices();
    groups = new KvGroups(model.kvHeads, model.queryHeads / model.kvHeads, model.headSize);
  }

  Workspace write(Path folder) throws IOException {
    fuse();
    List<TensorEntry> entries = new ArrayList<>();
    fused.forEach((name, matrix) -> entries.add(entry(name, matrix)));
    WorkspaceLayout layout = WorkspaceLayout.plan(entries, model.supportedRanks);
    try (WorkspaceWriter writer = WorkspaceWriter.create(folder, layout)) {
      ByteBuffer block = writer.newBlock(1);
      for (int t = 0; t < layout.tensors().size(); t++) {
        TensorEntry entry = layout.tensors().get(t);
        for (int s = 0; s < entry.segments().size(); s++) {
          writer.write(t, s, source(entry, fused.get(entry.name())), block);
        }
      }
      writer.publish(
          new WorkspaceManifest(
              WorkspaceManifest.FORMAT_VERSION,
              "test",
              model.architecture,
              model.modelShape(),
              model.layerRecords(),
              model.supportedRanks,
              List.of(),
              new WorkspaceManifest.SourceRecord("random", "tiny", "0".repeat(64), 0),
              null,
              TinyModel.generation(),
              List.of(),
              layout.dataFiles(),
              writer.tensors()));
    }
    return Workspace.open(folder);
  }

  private void fuse() {
    fused.put(TensorNames.EMBEDDING, padRows("embedding", model.vocabularyPadded()));
    if (!model.tied) {
      fused.put(TensorNames.HEAD, padRows("head", model.vocabularyPadded()));
    }
    fused.put(TensorNames.FINAL_NORM, apart.get("final_norm"));
    for (int i = 0; i < model.layers; i++) {
      String layer = "layers." + i + ".";
      for (String name :
          List.of(
              "attention_norm",
              "feed_forward_norm",
              "output",
              "output_bias",
              "query_norm",
              "key_norm")) {
        if (apart.containsKey(layer + name)) {
          fused.put(layer + name, apart.get(layer + name));
        }
      }
      fused.put(layer + "qkv", byGroup(layer, ""));
      if (model.qkvBias) {
        fused.put(layer + "qkv_bias", byGroup(layer, "_bias"));
      }
      fused.put(layer + "gate_up", interleaved(layer));
      fused.put(layer + "down", padInputs(apart.get(layer + "down")));
    }
  }

  private TinyMatrix padRows(String name, int rows) {
    TinyMatrix matrix = apart.get(name);
    if (matrix.values().length == rows) {
      return matrix;
    }
    double[][] values = new double[rows][model.hidden];
    System.arraycopy(matrix.values(), 0, values, 0, matrix.values().length);
    return TinyMatrix.dense(matrix.storage(), values);
  }

  /** For each key-value head its query heads, its key head, its value head. */
  private TinyMatrix byGroup(String layer, String suffix) {
    RowPicker rows = new RowPicker();
    int size = model.headSize;
    for (int group = 0; group < model.kvHeads; group++) {
      int queries = groups.groupQueryHeads() * size;
      rows.add(apart.get(layer + "query" + suffix), group * queries, queries);
      rows.add(apart.get(layer + "key" + suffix), group * size, size);
      rows.add(apart.get(layer + "value" + suffix), group * size, size);
    }
    return rows.matrix();
  }

  /** 64 gate rows, their 64 up rows, and so on; zeros past the width. */
  private TinyMatrix interleaved(String layer) {
    RowPicker rows = new RowPicker();
    for (int start = 0; start < model.feedForwardPadded(); start += 64) {
      for (String name : List.of("gate", "up")) {
        TinyMatrix matrix = apart.get(layer + name);
        int there = Math.max(0, Math.min(64, model.feedForward - start));
        rows.add(matrix, start, there);
        rows.addZeros(matrix, 64 - there);
      }
    }
    return rows.matrix();
  }

  private TinyMatrix padInputs(TinyMatrix matrix) {
    if (model.feedForward == model.feedForwardPadded()) {
      return matrix;
    }
    if (matrix.storage() == StorageType.INT4) {
      throw new IllegalArgumentException("this fixture pads dense widths alone");
    }
    double[][] values = new double[matrix.values().length][];
    for (int o = 0; o < values.length; o++) {
      values[o] = java.util.Arrays.copyOf(matrix.values()[o], model.feedForwardPadded());
    }
    return TinyMatrix.dense(matrix.storage(), values);
  }

  /** Collects rows of several matrices of one storage type. */
  private static final class RowPicker {
    private final List<double[]> values = new ArrayList<>();
    private final List<int[]> nibbles = new ArrayList<>();
    private final List<float[]> scales = new ArrayList<>();
    private final List<int[]> zeros = new ArrayList<>();
    private StorageType storage = StorageType.F32;

    void add(TinyMatrix matrix, int from, int count) {
      storage = matrix.storage();
      for (int row = from; row < from + count; row++) {
        values.add(matrix.values()[row]);
        if (storage == StorageType.INT4) {
          nibbles.add(matrix.nibbles()[row]);
          scales.add(matrix.scales()[row]);
          zeros.add(matrix.zeros()[row]);
        }
      }
    }

    void addZeros(TinyMatrix like, int count) {
      for (int i = 0; i < count; i++) {
        values.add(new double[like.values()[0].length]);
      }
    }

    TinyMatrix matrix() {
      return new TinyMatrix(
          storage,
          values.toArray(new double[0][]),
          nibbles.toArray(new int[0][]),
          scales.toArray(new float[0][]),
          zeros.toArray(new int[0][]));
    }
  }

  private TensorEntry entry(String name, TinyMatrix matrix) {
    boolean byInput = name.endsWith(".output") || name.endsWith(".down");
    boolean replicated = name.endsWith("norm") || name.endsWith(".output_bias");
    boolean grouped = name.contains(".qkv");
    boolean int4 = matrix.storage() == StorageType.INT4;
    int inputs = matrix.values()[0].length;
    int ranksMax = model.supportedRanks.get(model.supportedRanks.size() - 1);
    return new TensorEntry(
        name,
        matrix.storage(),
        int4 ? StorageType.F16 : null,
        byInput ? Layout.INPUT_MAJOR : Layout.OUTPUT_MAJOR,
        replicated ? Split.REPLICATED : grouped ? Split.KV_GROUPS : Split.EVEN,
        matrix.values().length,
        inputs,
        int4 && byInput ? ranksMax : 1,
        grouped ? groups : null,
        List.of());
  }

  private static StripSource source(TensorEntry entry, TinyMatrix matrix) {
    return (first, count, block) -> {
      for (long strip = first; strip < first + count; strip++) {
        if (entry.storage() == StorageType.INT4) {
          putTiles(entry, matrix, (int) strip, block);
        } else if (entry.layout() == Layout.OUTPUT_MAJOR) {
          for (double value : matrix.values()[(int) strip]) {
            TinyMatrix.put(block, value, entry.storage());
          }
        } else {
          for (double[] row : matrix.values()) {
            TinyMatrix.put(block, row[(int) strip], entry.storage());
          }
        }
      }
    };
  }

  private static void putTiles(TensorEntry entry, TinyMatrix matrix, int strip, ByteBuffer block) {
    int blocks = (int) entry.outputs() / 64;
    int slabInputs = (int) entry.inputs() / entry.slabs();
    int firstOutput = strip % blocks * 64;
    int firstInput = strip / blocks * slabInputs;
    for (int input = firstInput; input < firstInput + slabInputs; input += 128) {
      int start = block.position();
      for (int i = 0; i < Int4Tile.BYTES; i++) {
        block.put(start + i, (byte) 0);
      }
      for (int o = 0; o < 64; o++) {
        for (int k = 0; k < 128; k++) {
          int at = start + Int4Tile.wordOffset(o, k);
          int nibble = matrix.nibbles()[firstOutput + o][input + k];
          block.putInt(at, block.getInt(at) | nibble << Int4Tile.shift(o, k));
        }
        int scale = TinyMatrix.f16(matrix.scales()[firstOutput + o][input / 128]) & 0xffff;
        int zero = Int4Tile.zeroBits(matrix.zeros()[firstOutput + o][input / 128]);
        block.putInt(start + Int4Tile.SCALES_OFFSET + 4 * o, zero << 16 | scale);
      }
      block.position(start + Int4Tile.BYTES);
    }
  }
}
