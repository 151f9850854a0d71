package dev.millrace.converter;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Compares every rank's part of every tensor, for every rank count, with the checkpoint read
 * plainly: all weights must be equal, all padding zero.
 */
final class RoundTrip {
  private final NaiveCheckpoint checkpoint;
  private final Workspace workspace;
  private final int ranks;
  private final int rank;
  private final int queryHeads;
  private final int kvHeads;
  private final int headSize;
  private final Set<String> compared;

  private RoundTrip(
      NaiveCheckpoint checkpoint, Workspace workspace, int ranks, int rank, Set<String> compared) {
    this.checkpoint = checkpoint;
    this.workspace = workspace;
    this.ranks = ranks;
    this.rank = rank;
    this.compared = compared;
    queryHeads = checkpoint.number("num_attention_heads", 0);
    kvHeads = checkpoint.number("num_key_value_heads", queryHeads);
    headSize = checkpoint.number("head_dim", checkpoint.number("hidden_size", 0) / queryHeads);
  }

  static void check(Path checkpointFolder, Path workspaceFolder) throws IOException {
    NaiveCheckpoint checkpoint = new NaiveCheckpoint(checkpointFolder);
    try (Workspace workspace = Workspace.open(workspaceFolder)) {
      WorkspaceManifest manifest = workspace.manifest();
      for (int ranks : manifest.supportedRanks()) {
        Set<String> compared = new HashSet<>();
        for (int rank = 0; rank < ranks; rank++) {
          new RoundTrip(checkpoint, workspace, ranks, rank, compared).check();
        }
        List<String> all = manifest.tensors().stream().map(TensorEntry::name).toList();
        assertEquals(new HashSet<>(all), compared, "tensors compared for " + ranks + " ranks");
      }
    }
  }

  private void check() throws IOException {
    int padded = workspace.manifest().shape().vocabularyPadded();
    compare("embedding", rows(checkpoint.matrix("model.embed_tokens"), evenly(padded)));
    compareVector("final_norm", checkpoint.vector("model.norm.weight"));
    if (!workspace.manifest().shape().tiedHead()) {
      compare("head", rows(checkpoint.matrix("lm_head"), evenly(padded)));
    }
    for (int i = 0; i < checkpoint.number("num_hidden_layers", 0); i++) {
      layer("layers." + i + ".", "model.layers." + i + ".", i);
    }
  }

  private void layer(String here, String there, int layer) throws IOException {
    compareVector(here + "attention_norm", checkpoint.vector(there + "input_layernorm.weight"));
    compareVector(
        here + "feed_forward_norm", checkpoint.vector(there + "post_attention_layernorm.weight"));
    String attention = there + "self_attn.";
    compare(here + "qkv", qkv(attention));
    if (workspace.manifest().layers().get(layer).attention().qkvBias()) {
      compare(here + "qkv_bias", qkvBias(attention));
    }
    if (checkpoint.has(attention + "q_norm.weight")) {
      compareVector(here + "query_norm", checkpoint.vector(attention + "q_norm.weight"));
      compareVector(here + "key_norm", checkpoint.vector(attention + "k_norm.weight"));
    }
    compare(
        here + "output",
        columns(checkpoint.matrix(attention + "o_proj"), evenly(queryHeads * headSize)));
    if (workspace.manifest().layers().get(layer).attention().outputBias()) {
      compareVector(here + "output_bias", checkpoint.vector(attention + "o_proj.bias"));
    }
    int paddedWidth = workspace.manifest().layers().get(layer).feedForward().paddedWidth();
    compare(here + "gate_up", gateUp(there + "mlp.", evenly(paddedWidth)));
    compare(
        here + "down", columns(checkpoint.matrix(there + "mlp.down_proj"), evenly(paddedWidth)));
  }

  /** First and last index of this rank's equal share. */
  private int[] evenly(int size) {
    assertEquals(0, size % ranks);
    return new int[] {size / ranks * rank, size / ranks * (rank + 1)};
  }

  private static float[][] rows(float[][] matrix, int[] range) {
    float[][] rows = new float[range[1] - range[0]][];
    for (int i = range[0]; i < range[1]; i++) {
      rows[i - range[0]] = i < matrix.length ? matrix[i] : new float[matrix[0].length];
    }
    return rows;
  }

  private static float[][] columns(float[][] matrix, int[] range) {
    float[][] columns = new float[matrix.length][range[1] - range[0]];
    for (int n = 0; n < matrix.length; n++) {
      for (int k = range[0]; k < Math.min(range[1], matrix[n].length); k++) {
        columns[n][k - range[0]] = matrix[n][k];
      }
    }
    return columns;
  }

  private float[][] gateUp(String prefix, int[] range) {
    float[][] gate = rows(checkpoint.matrix(prefix + "gate_proj"), range);
    float[][] up = rows(checkpoint.matrix(prefix + "up_proj"), range);
    List<float[]> woven = new ArrayList<>();
    for (int from = 0; from < gate.length; from += 64) {
      woven.addAll(List.of(gate).subList(from, from + 64));
      woven.addAll(List.of(up).subList(from, from + 64));
    }
    return woven.toArray(new float[0][]);
  }

  private float[][] qkv(String attention) {
    return heads(
        checkpoint.matrix(attention + "q_proj"),
        checkpoint.matrix(attention + "k_proj"),
        checkpoint.matrix(attention + "v_proj"));
  }

  private float[][] qkvBias(String attention) {
    return heads(
        column(checkpoint.vector(attention + "q_proj.bias")),
        column(checkpoint.vector(attention + "k_proj.bias")),
        column(checkpoint.vector(attention + "v_proj.bias")));
  }

  /** This rank's query heads, each key/value group's followed by its key and its value head. */
  private float[][] heads(float[][] queries, float[][] keys, float[][] values) {
    int each = queryHeads / ranks;
    int group = queryHeads / kvHeads;
    List<float[]> rows = new ArrayList<>();
    for (int head = each * rank; head < each * (rank + 1); head++) {
      addHead(rows, queries, head);
      boolean last = head + 1 == each * (rank + 1) || (head + 1) % group == 0;
      if (last) {
        addHead(rows, keys, head / group);
        addHead(rows, values, head / group);
      }
    }
    return rows.toArray(new float[0][]);
  }

  private void addHead(List<float[]> rows, float[][] matrix, int head) {
    for (int i = 0; i < headSize; i++) {
      rows.add(matrix[head * headSize + i]);
    }
  }

  private static float[][] column(float[] vector) {
    float[][] column = new float[vector.length][1];
    for (int i = 0; i < vector.length; i++) {
      column[i][0] = vector[i];
    }
    return column;
  }

  private void compareVector(String name, float[] expected) throws IOException {
    compare(name, column(expected));
  }

  private void compare(String name, float[][] expected) throws IOException {
    compared.add(name);
    float[][] found = NaiveWorkspace.read(workspace.part(name, ranks, rank));
    String where = name + ", rank " + rank + " of " + ranks + ", seed " + TinyCheckpoint.SEED;
    assertEquals(expected.length, found.length, where + ": outputs");
    assertEquals(expected[0].length, found[0].length, where + ": inputs");
    for (int n = 0; n < expected.length; n++) {
      for (int k = 0; k < expected[n].length; k++) {
        float e = expected[n][k];
        float f = found[n][k];
        if (e != f) {
          fail(where + " [" + n + "][" + k + "]: expected " + e + ", found " + f);
        }
      }
    }
  }
}
