package dev.millrace.api.workspace;

import dev.millrace.api.workspace.TensorEntry.Layout;
import dev.millrace.api.workspace.TensorEntry.Segment;
import dev.millrace.api.workspace.TensorEntry.Split;
import dev.millrace.api.workspace.TensorEntry.StripRange;
import dev.millrace.api.workspace.WorkspaceManifest.DataFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/** Checks that the tensors of a manifest are those its shape and layers call for. */
final class ManifestCheck {
  private final ModelShape shape;
  private final Map<String, TensorEntry> left = new HashMap<>();

  private ManifestCheck(ModelShape shape, List<TensorEntry> tensors) {
    this.shape = shape;
    for (TensorEntry tensor : tensors) {
      if (left.put(tensor.name(), tensor) != null) {
        throw new IllegalArgumentException(
            "tensor " + tensor.name() + ": expected once, found twice");
      }
    }
  }

  /** Checks the parts of a manifest, which is not yet a manifest while it checks itself. */
  static void check(
      ModelShape shape,
      List<LayerRecord> layers,
      List<Integer> ranks,
      List<DataFile> dataFiles,
      List<TensorEntry> tensors) {
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("layers: expected at least 1, found none");
    }
    if (ranks.isEmpty() || ranks.get(0) != 1) {
      throw new IllegalArgumentException("supportedRanks: expected 1 first, found " + ranks);
    }
    ManifestCheck check = new ManifestCheck(shape, tensors);
    check.rows(TensorNames.EMBEDDING, shape.vocabularyPadded());
    check.vector(TensorNames.FINAL_NORM, shape.hiddenSize());
    if (!shape.tiedHead()) {
      check.rows(TensorNames.HEAD, shape.vocabularyPadded());
    }
    for (int i = 0; i < layers.size(); i++) {
      check.layer(i, layers.get(i));
    }
    if (!check.left.isEmpty()) {
      throw new IllegalArgumentException(
          "tensors: expected those the layers call for, found also " + check.left.keySet());
    }
    segments(dataFiles, tensors, ranks);
  }

  private static void segments(
      List<DataFile> files, List<TensorEntry> tensors, List<Integer> ranks) {
    List<NavigableMap<Long, String>> taken = new ArrayList<>();
    files.forEach(file -> taken.add(new TreeMap<>()));
    for (TensorEntry tensor : tensors) {
      if (tensor.segments().isEmpty()) {
        throw new IllegalArgumentException(
            "tensor " + tensor.name() + ": expected segments, found none");
      }
      for (Segment segment : tensor.segments()) {
        place(files, tensor.name(), segment, taken);
      }
      parts(tensor, ranks);
    }
  }

  private static void place(
      List<DataFile> files, String name, Segment segment, List<NavigableMap<Long, String>> taken) {
    if (segment.file() >= files.size()) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + ": expected one of "
              + files.size()
              + " data files, found number "
              + segment.file());
    }
    DataFile file = files.get(segment.file());
    if (segment.bytes() > file.bytes() || segment.offset() > file.bytes() - segment.bytes()) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + ": expected bytes inside "
              + file.name()
              + " ("
              + file.bytes()
              + " bytes), found offset "
              + segment.offset()
              + " and "
              + segment.bytes()
              + " bytes");
    }
    NavigableMap<Long, String> ends = taken.get(segment.file());
    // keys are the last bytes of segments: the first at or past our start must start past our end
    Map.Entry<Long, String> next = ends.ceilingEntry(segment.offset());
    long last = segment.offset() + segment.bytes() - 1;
    if (next != null && Long.parseLong(next.getValue().split(" ", 2)[0]) <= last) {
      throw new IllegalArgumentException(
          "tensor "
              + name
              + ": expected bytes of its own in "
              + file.name()
              + ", found offset "
              + segment.offset()
              + " overlapping tensor "
              + next.getValue().split(" ", 2)[1]);
    }
    ends.put(last, segment.offset() + " " + name);
  }

  /** Every part must be whole segments: then it is contiguous and aligned. */
  private static void parts(TensorEntry tensor, List<Integer> ranks) {
    Set<Long> boundaries = new HashSet<>();
    long strip = 0;
    boundaries.add(strip);
    for (Segment segment : tensor.segments()) {
      strip += segment.strips();
      boundaries.add(strip);
    }
    for (int count : ranks) {
      for (int rank = 0; rank < count; rank++) {
        for (StripRange range : tensor.part(count, rank)) {
          if (!boundaries.contains(range.from()) || !boundaries.contains(range.to())) {
            throw new IllegalArgumentException(
                "tensor "
                    + tensor.name()
                    + ": expected segments cut at the parts of "
                    + count
                    + " ranks, found none at strips "
                    + range.from()
                    + " and "
                    + range.to());
          }
        }
      }
    }
  }

  private void layer(int i, LayerRecord layer) {
    AttentionRecord attention = layer.attention();
    KvGroups groups = attention.kvGroups();
    long attended = (long) attention.queryHeads() * attention.headSize();
    int padded = layer.feedForward().paddedWidth();
    vector(TensorNames.layer(i, TensorNames.ATTENTION_NORM), shape.hiddenSize());
    take(
        TensorNames.layer(i, TensorNames.QKV),
        Layout.OUTPUT_MAJOR,
        Split.KV_GROUPS,
        groups.outputs(),
        shape.hiddenSize());
    if (attention.qkvBias()) {
      take(
          TensorNames.layer(i, TensorNames.QKV_BIAS),
          Layout.OUTPUT_MAJOR,
          Split.KV_GROUPS,
          groups.outputs(),
          1);
    }
    if (attention.queryKeyNorm()) {
      vector(TensorNames.layer(i, TensorNames.QUERY_NORM), attention.headSize());
      vector(TensorNames.layer(i, TensorNames.KEY_NORM), attention.headSize());
    }
    columns(TensorNames.layer(i, TensorNames.OUTPUT), attended);
    if (attention.outputBias()) {
      vector(TensorNames.layer(i, TensorNames.OUTPUT_BIAS), shape.hiddenSize());
    }
    vector(TensorNames.layer(i, TensorNames.FEED_FORWARD_NORM), shape.hiddenSize());
    rows(TensorNames.layer(i, TensorNames.GATE_UP), 2L * padded);
    columns(TensorNames.layer(i, TensorNames.DOWN), padded);
  }

  private void vector(String name, long size) {
    take(name, Layout.OUTPUT_MAJOR, Split.REPLICATED, size, 1);
  }

  private void rows(String name, long outputs) {
    take(name, Layout.OUTPUT_MAJOR, Split.EVEN, outputs, shape.hiddenSize());
  }

  private void columns(String name, long inputs) {
    take(name, Layout.INPUT_MAJOR, Split.EVEN, shape.hiddenSize(), inputs);
  }

  private void take(String name, Layout layout, Split split, long outputs, long inputs) {
    TensorEntry tensor = left.remove(name);
    if (tensor == null) {
      throw new IllegalArgumentException("tensor " + name + ": expected, not found");
    }
    String expected = layout + " " + split + " [" + outputs + " x " + inputs + "]";
    String found =
        tensor.layout()
            + " "
            + tensor.split()
            + " ["
            + tensor.outputs()
            + " x "
            + tensor.inputs()
            + "]";
    if (!expected.equals(found)) {
      throw new IllegalArgumentException(
          "tensor " + name + ": expected " + expected + ", found " + found);
    }
  }
}
