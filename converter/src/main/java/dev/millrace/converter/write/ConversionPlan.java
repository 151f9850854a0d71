package dev.millrace.converter.write;

import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.FeedForwardRecord;
import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.KvGroups;
import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.ModelShape;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.StripSource;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.TensorEntry.Layout;
import dev.millrace.api.workspace.TensorEntry.Split;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.converter.read.CheckpointException;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.weights.DenseMatrix;
import dev.millrace.converter.weights.FusedRows;
import dev.millrace.converter.weights.Matrix;
import dev.millrace.converter.weights.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What becomes of a model's weights: every tensor of the workspace, where its strips come from, and
 * the records that describe the model. No weight is read yet.
 */
public final class ConversionPlan {
  private static final int DENSE_UNIT = 64;

  private final ModelConfig config;
  private final List<LayerMatrices> layers;
  private final RankChoice ranks;
  private final ModelShape shape;
  private final int feedForwardPadded;
  private final List<LayerRecord> records = new ArrayList<>();
  private final List<TensorEntry> tensors = new ArrayList<>();
  private final List<StripSource> sources = new ArrayList<>();

  private ConversionPlan(ModelConfig config, List<LayerMatrices> layers, int ranksMax) {
    this.config = config;
    this.layers = layers;
    this.ranks =
        RankChoice.of(
            config,
            ranksMax,
            layers.stream().anyMatch(LayerMatrices::qkvTiled),
            layers.stream().anyMatch(LayerMatrices::outputTiled));
    this.shape =
        new ModelShape(
            config.hiddenSize(),
            config.vocabularySize(),
            padded(config.vocabularySize(), DENSE_UNIT),
            config.contextTokensMax(),
            config.normEpsilon(),
            config.tiedHead());
    // one width for all layers: engines share their buffers
    boolean tiled = layers.stream().anyMatch(LayerMatrices::feedForwardTiled);
    this.feedForwardPadded = padded(config.feedForwardSize(), tiled ? Int4Tile.INPUTS : DENSE_UNIT);
  }

  /**
   * Plans a conversion.
   *
   * @param ranksMax largest rank count to serve
   * @throws IOException if a weight is missing, has a wrong shape, or cannot be stored
   */
  public static ConversionPlan of(Weights weights, ModelConfig config, int ranksMax)
      throws IOException {
    List<LayerMatrices> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(LayerMatrices.of(weights, config, i));
    }
    ConversionPlan plan = new ConversionPlan(config, layers, ranksMax);
    if (plan.ranks.supported().isEmpty()) {
      RankRefusal refusal = plan.ranks.refused().get(0);
      throw new CheckpointException(
          "model",
          "shapes that int4 tiles can hold",
          refusal.reason(),
          "take an unquantised checkpoint of this model");
    }
    plan.addAll(weights);
    weights.requireAllUsed();
    return plan;
  }

  public ModelShape shape() {
    return shape;
  }

  public List<LayerRecord> layers() {
    return List.copyOf(records);
  }

  public List<Integer> supportedRanks() {
    return List.copyOf(ranks.supported());
  }

  public List<RankRefusal> refusedRanks() {
    return List.copyOf(ranks.refused());
  }

  /** Every tensor of the workspace, without segments. */
  public List<TensorEntry> tensors() {
    return List.copyOf(tensors);
  }

  /** Where the strips of a tensor come from, by its index. */
  public StripSource source(int tensor) {
    return sources.get(tensor);
  }

  private void addAll(Weights weights) throws IOException {
    addVocabulary(TensorNames.EMBEDDING, "model.embed_tokens", weights);
    for (int i = 0; i < layers.size(); i++) {
      addLayer(i, weights);
    }
    addVector(TensorNames.FINAL_NORM, weights.vector("model.norm.weight", config.hiddenSize()));
    if (!config.tiedHead()) {
      addVocabulary(TensorNames.HEAD, "lm_head", weights);
    }
  }

  private void addVocabulary(String name, String module, Weights weights) throws IOException {
    Matrix matrix = weights.matrix(module, config.vocabularySize(), config.hiddenSize());
    FusedRows rows =
        FusedRows.over(List.of(matrix))
            .add(0, 0, config.vocabularySize())
            .addZeros(shape.vocabularyPadded() - config.vocabularySize());
    addRows(name, rows, null);
  }

  private void addLayer(int layer, Weights weights) throws IOException {
    String prefix = "model.layers." + layer + ".";
    addVector(
        TensorNames.layer(layer, TensorNames.ATTENTION_NORM),
        weights.vector(prefix + "input_layernorm.weight", config.hiddenSize()));
    addAttention(layer, prefix + "self_attn.", weights);
    addVector(
        TensorNames.layer(layer, TensorNames.FEED_FORWARD_NORM),
        weights.vector(prefix + "post_attention_layernorm.weight", config.hiddenSize()));
    addFeedForward(layer);
    records.add(record());
  }

  private void addAttention(int layer, String prefix, Weights weights) throws IOException {
    LayerMatrices matrices = layers.get(layer);
    KvGroups groups =
        new KvGroups(config.kvHeads(), config.queryHeads() / config.kvHeads(), config.headSize());
    addRows(
        TensorNames.layer(layer, TensorNames.QKV),
        fuseHeads(List.of(matrices.query(), matrices.key(), matrices.value()), groups),
        groups);
    if (config.qkvBias()) {
      addQkvBias(layer, prefix, groups, weights);
    }
    if (config.queryKeyNorm()) {
      addVector(
          TensorNames.layer(layer, TensorNames.QUERY_NORM),
          weights.vector(prefix + "q_norm.weight", config.headSize()));
      addVector(
          TensorNames.layer(layer, TensorNames.KEY_NORM),
          weights.vector(prefix + "k_norm.weight", config.headSize()));
    }
    addColumns(
        TensorNames.layer(layer, TensorNames.OUTPUT),
        matrices.output(),
        matrices.output().inputs());
    if (config.outputBias()) {
      addVector(
          TensorNames.layer(layer, TensorNames.OUTPUT_BIAS),
          weights.vector(prefix + "o_proj.bias", config.hiddenSize()));
    }
  }

  private void addQkvBias(int layer, String attention, KvGroups groups, Weights weights)
      throws IOException {
    long queries = (long) config.queryHeads() * config.headSize();
    long keys = (long) config.kvHeads() * config.headSize();
    List<DenseMatrix> biases =
        List.of(
            weights.vector(attention + "q_proj.bias", queries),
            weights.vector(attention + "k_proj.bias", keys),
            weights.vector(attention + "v_proj.bias", keys));
    addRows(TensorNames.layer(layer, TensorNames.QKV_BIAS), fuseHeads(biases, groups), groups);
  }

  private void addFeedForward(int layer) throws CheckpointException {
    LayerMatrices matrices = layers.get(layer);
    int width = config.feedForwardSize();
    FusedRows rows = FusedRows.over(List.of(matrices.gate(), matrices.up()));
    for (int from = 0; from < feedForwardPadded; from += FeedForwardRecord.INTERLEAVE) {
      int real = Math.max(0, Math.min(FeedForwardRecord.INTERLEAVE, width - from));
      for (int member = 0; member < 2; member++) {
        if (real > 0) {
          rows.add(member, from, real);
        }
        rows.addZeros(FeedForwardRecord.INTERLEAVE - real);
      }
    }
    addRows(TensorNames.layer(layer, TensorNames.GATE_UP), rows, null);
    addColumns(TensorNames.layer(layer, TensorNames.DOWN), matrices.down(), feedForwardPadded);
  }

  private LayerRecord record() {
    AttentionRecord attention =
        new AttentionRecord(
            AttentionRecord.Kind.FULL,
            config.queryHeads(),
            config.kvHeads(),
            config.headSize(),
            config.qkvBias(),
            config.outputBias(),
            config.queryKeyNorm(),
            config.rotary(),
            config.elementType());
    FeedForwardRecord feedForward =
        new FeedForwardRecord(
            FeedForwardRecord.Kind.DENSE,
            config.feedForwardSize(),
            feedForwardPadded,
            FeedForwardRecord.Activation.SILU,
            FeedForwardRecord.INTERLEAVE);
    return new LayerRecord(attention, feedForward);
  }

  /** Per key/value head: its query heads, the key head, the value head. */
  private static FusedRows fuseHeads(List<? extends Matrix> members, KvGroups groups) {
    FusedRows rows = FusedRows.over(members);
    long queries = (long) groups.groupQueryHeads() * groups.headSize();
    for (int group = 0; group < groups.kvHeads(); group++) {
      rows.add(0, group * queries, queries);
      rows.add(1, (long) group * groups.headSize(), groups.headSize());
      rows.add(2, (long) group * groups.headSize(), groups.headSize());
    }
    return rows;
  }

  private void addVector(String name, DenseMatrix vector) {
    FusedRows rows = FusedRows.over(List.of(vector)).add(0, 0, vector.outputs());
    tensors.add(
        new TensorEntry(
            name,
            vector.type(),
            null,
            Layout.OUTPUT_MAJOR,
            Split.REPLICATED,
            vector.outputs(),
            1,
            1,
            null,
            List.of()));
    sources.add(new DenseRows(rows));
  }

  private void addRows(String name, FusedRows rows, KvGroups groups) throws CheckpointException {
    boolean tiled = rows.storage() == StorageType.INT4;
    if (tiled) {
      requireTiles(name, rows.outputs(), rows.inputs());
    }
    tensors.add(
        new TensorEntry(
            name,
            rows.storage(),
            rows.scaleType(),
            Layout.OUTPUT_MAJOR,
            groups == null ? Split.EVEN : Split.KV_GROUPS,
            rows.outputs(),
            rows.inputs(),
            1,
            groups,
            List.of()));
    sources.add(tiled ? new TileStrips(rows, rows.inputs(), 1) : new DenseRows(rows));
  }

  private void addColumns(String name, Matrix matrix, long inputs) throws CheckpointException {
    boolean tiled = FusedRows.storage(matrix) == StorageType.INT4;
    int slabs = tiled ? ranks.leastCommonMultiple() : 1;
    if (tiled) {
      requireTiles(name, matrix.outputs(), inputs);
    }
    tensors.add(
        new TensorEntry(
            name,
            FusedRows.storage(matrix),
            FusedRows.scaleType(matrix),
            Layout.INPUT_MAJOR,
            Split.EVEN,
            matrix.outputs(),
            inputs,
            slabs,
            null,
            List.of()));
    sources.add(
        tiled
            ? new TileStrips(
                FusedRows.over(List.of(matrix)).add(0, 0, matrix.outputs()), inputs, slabs)
            : new DenseColumns((DenseMatrix) matrix));
  }

  private static void requireTiles(String name, long outputs, long inputs)
      throws CheckpointException {
    if (outputs % Int4Tile.OUTPUTS != 0 || inputs % Int4Tile.INPUTS != 0) {
      throw new CheckpointException(
          "tensor " + name,
          "whole int4 tiles of 64 outputs x 128 inputs",
          outputs + " outputs x " + inputs + " inputs",
          "take an unquantised checkpoint of this model");
    }
  }

  /** The next multiple that every supported rank count divides into whole units. */
  private int padded(int size, int unit) {
    int multiple = Math.multiplyExact(unit, ranks.leastCommonMultiple());
    return Math.multiplyExact((size + multiple - 1) / multiple, multiple);
  }
}
