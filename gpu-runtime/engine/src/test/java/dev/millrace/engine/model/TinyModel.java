package dev.millrace.engine.model;

import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.FeedForwardRecord;
import dev.millrace.api.workspace.GenerationDefaults;
import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.ModelShape;
import dev.millrace.api.workspace.RotaryRecord;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A small random decoder: its matrices as a checkpoint has them, and a workspace made of them.
 * Defaults for everything, so that an option that a test sets is the point of the test.
 */
public final class TinyModel {
  String architecture = "llama";
  int layers = 2;
  int hidden = 128;
  int queryHeads = 8;
  int kvHeads = 4;
  int headSize = 16;
  int feedForward = 192;
  int vocabulary = 101;
  int contextTokensMax = 256;
  boolean qkvBias;
  boolean outputBias;
  boolean queryKeyNorm;
  boolean tied = true;
  boolean int4Head;
  StorageType storage = StorageType.F32;
  float attentionFactor = 1;
  double theta = 10000;
  long seed = 3;
  List<Integer> supportedRanks = List.of(1, 2, 4, 8);

  private TinyModel() {}

  public static TinyModel llama() {
    return new TinyModel();
  }

  public static TinyModel qwen2() {
    TinyModel model = new TinyModel();
    model.architecture = "qwen2";
    model.qkvBias = true;
    return model;
  }

  public static TinyModel qwen3() {
    TinyModel model = new TinyModel();
    model.architecture = "qwen3";
    model.queryKeyNorm = true;
    model.tied = false;
    return model;
  }

  /** Matrices of the size that int4 tiles need, shared by at most two ranks. */
  public static TinyModel int4() {
    TinyModel model = qwen2();
    model.hidden = 256;
    model.queryHeads = 4;
    model.kvHeads = 2;
    model.headSize = 64;
    model.feedForward = 512;
    model.storage = StorageType.INT4;
    model.supportedRanks = List.of(1, 2);
    return model;
  }

  /** As {@link #int4}, with a head of its own in int4 too. */
  public static TinyModel int4Head() {
    TinyModel model = int4();
    model.tied = false;
    model.int4Head = true;
    model.vocabulary = 512; // this fixture pads dense heads alone
    return model;
  }

  /** A vocabulary as large as any: that of Gemma and some Llamas has 256,000 tokens. */
  public static TinyModel largeVocabulary() {
    TinyModel model = llama();
    model.hidden = 64;
    model.vocabulary = 260_000;
    return model;
  }

  TinyModel with(java.util.function.Consumer<TinyModel> change) {
    change.accept(this);
    return this;
  }

  /** Rows of embedding and head: padded so that every rank count divides them. */
  int vocabularyPadded() {
    return (vocabulary + 511) / 512 * 512;
  }

  /** Feed-forward width as stored. */
  int feedForwardPadded() {
    int unit = storage == StorageType.INT4 ? 256 : 512;
    return (feedForward + unit - 1) / unit * unit;
  }

  float[] inverseFrequencies() {
    float[] frequencies = new float[headSize / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = (float) Math.pow(theta, -2.0 * i / headSize);
    }
    return frequencies;
  }

  /** The matrices, named as in the workspace but apart: {@code layers.0.query} and so on. */
  Map<String, TinyMatrix> matrices() {
    Random random = new Random(seed);
    Map<String, TinyMatrix> all = new java.util.LinkedHashMap<>();
    StorageType dense = storage == StorageType.INT4 ? StorageType.F16 : storage;
    all.put("embedding", TinyMatrix.dense(vocabulary, hidden, dense, 1, random));
    if (!tied) {
      all.put(
          "head",
          int4Head
              ? TinyMatrix.int4(vocabulary, hidden, random)
              : TinyMatrix.dense(vocabulary, hidden, dense, hidden, random));
    }
    all.put("final_norm", TinyMatrix.vector(hidden, dense, random));
    int attended = queryHeads * headSize;
    for (int i = 0; i < layers; i++) {
      String layer = "layers." + i + ".";
      all.put(layer + "attention_norm", TinyMatrix.vector(hidden, dense, random));
      all.put(layer + "query", matrix(attended, hidden, random));
      all.put(layer + "key", matrix(kvHeads * headSize, hidden, random));
      all.put(layer + "value", matrix(kvHeads * headSize, hidden, random));
      all.put(layer + "output", matrix(hidden, attended, random));
      all.put(layer + "feed_forward_norm", TinyMatrix.vector(hidden, dense, random));
      all.put(layer + "gate", matrix(feedForward, hidden, random));
      all.put(layer + "up", matrix(feedForward, hidden, random));
      all.put(layer + "down", matrix(hidden, feedForward, random));
      if (qkvBias) {
        all.put(layer + "query_bias", TinyMatrix.vector(attended, dense, random));
        all.put(layer + "key_bias", TinyMatrix.vector(kvHeads * headSize, dense, random));
        all.put(layer + "value_bias", TinyMatrix.vector(kvHeads * headSize, dense, random));
      }
      if (outputBias) {
        all.put(layer + "output_bias", TinyMatrix.vector(hidden, dense, random));
      }
      if (queryKeyNorm) {
        all.put(layer + "query_norm", TinyMatrix.vector(headSize, dense, random));
        all.put(layer + "key_norm", TinyMatrix.vector(headSize, dense, random));
      }
    }
    return all;
  }

  private TinyMatrix matrix(int outputs, int inputs, Random random) {
    return storage == StorageType.INT4
        ? TinyMatrix.int4(outputs, inputs, random)
        : TinyMatrix.dense(outputs, inputs, storage, inputs, random);
  }

  /** Writes the workspace and opens it. */
  public Workspace write(Path folder) throws IOException {
    return new TinyWorkspace(this).write(folder);
  }

  ModelShape modelShape() {
    return new ModelShape(hidden, vocabulary, vocabularyPadded(), contextTokensMax, 1e-5, tied);
  }

  List<LayerRecord> layerRecords() {
    List<Float> frequencies = new ArrayList<>();
    for (float frequency : inverseFrequencies()) {
      frequencies.add(frequency);
    }
    RotaryRecord rotary =
        new RotaryRecord(theta, "default", Map.of(), frequencies, attentionFactor);
    AttentionRecord attention =
        new AttentionRecord(
            AttentionRecord.Kind.FULL,
            queryHeads,
            kvHeads,
            headSize,
            qkvBias,
            outputBias,
            queryKeyNorm,
            rotary,
            StorageType.BF16);
    FeedForwardRecord width =
        new FeedForwardRecord(
            FeedForwardRecord.Kind.DENSE,
            feedForward,
            feedForwardPadded(),
            FeedForwardRecord.Activation.SILU,
            FeedForwardRecord.INTERLEAVE);
    return java.util.Collections.nCopies(layers, new LayerRecord(attention, width));
  }

  static GenerationDefaults generation() {
    return new GenerationDefaults(null, List.of(0), null, null, null, null, null, null);
  }

  static String layerName(int layer, String name) {
    return TensorNames.layer(layer, name);
  }
}
