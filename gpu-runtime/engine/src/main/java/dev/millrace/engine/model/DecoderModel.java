package dev.millrace.engine.model;

import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayList;
import java.util.List;

/**
 * One rank's share of a decoder: carries a step from token ids to the answers of its logit tasks.
 * The same code on every rank; it slices nothing and decides nothing by rank. Used by the rank's
 * thread alone. A step allocates nothing here.
 */
final class DecoderModel {
  private final DecoderShape shape;
  private final int logitRowsMax;
  private final Backend backend;
  private final Collective collective;
  private final Activations activations;
  private final KvCache cache;
  private final Weight embedding;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final Weight finalNorm;
  private final Weight head;
  private final LogitTasks logitTasks;
  private final Runnable layersOfStep = this::runLayers;
  private StepBatch batch;

  /**
   * Loads this rank's share.
   *
   * @param taken takes everything allocated or uploaded, as it is: the caller gives it back
   */
  DecoderModel(
      Workspace workspace,
      DecoderShape shape,
      MemoryPlan plan,
      Backend backend,
      Collective collective,
      LogitTasks.Factory logitTasks,
      List<Allocation> taken) {
    this.shape = shape;
    this.logitRowsMax = plan.limits().logitRowsMax();
    this.backend = backend;
    this.collective = collective;
    activations = new Activations(backend, plan.activations(), shape, taken);
    cache =
        backend.allocateKvCache(
            "kv-cache", shape.layers().size(), plan.kvBlocks(), shape.heads(), plan.kvCacheType());
    taken.add(cache);
    RankWeights weights =
        new RankWeights(workspace, shape.ranks(), collective.rank(), backend, taken);
    embedding = weights.embedding();
    LayerLoader loader = new LayerLoader(shape, weights, activations);
    for (int layer = 0; layer < shape.layers().size(); layer++) {
      layers.add(loader.load(layer));
    }
    finalNorm = weights.part(TensorNames.FINAL_NORM);
    head = head(weights);
    this.logitTasks = logitTasks.create(backend, collective, activations.gathered);
  }

  private Weight head(RankWeights weights) {
    if (!shape.tiedHead()) {
      return weights.part(TensorNames.HEAD);
    }
    return shape.sharesHead() ? embedding : weights.embeddingPart();
  }

  /**
   * Carries a step out together with the other ranks, or lets a device begin.
   *
   * @param result shared by all ranks, an entry a logit task; filled once {@link #await} returns
   */
  void submit(StepPlan plan, StepResult result) {
    batch = backend.begin(plan);
    logitTasks.begin(plan, result);
    backend.run(batch, layersOfStep);
    for (int first = 0; first < batch.logitRows(); first += logitRowsMax) {
      int rows = Math.min(logitRowsMax, batch.logitRows() - first);
      backend.gatherLogitRows(batch, first, rows, activations.normed, activations.chosen);
      backend.matmul(activations.chosen, head, activations.logits, rows);
      logitTasks.run(first, rows, activations.logits);
    }
    logitTasks.end();
  }

  /** Whether the next step may be submitted before {@link #await}. */
  boolean acceptsNext() {
    return logitTasks.acceptsNext();
  }

  /** Whether a step is under way: where {@link #submit} does all the work, none is. */
  boolean isUnderWay() {
    return logitTasks.isUnderWay();
  }

  /** Waits for the oldest step under way. */
  void await() {
    logitTasks.await();
  }

  /** Tokens to the final norm of every row: the part of a step that may be replayed. */
  private void runLayers() {
    int rows = batch.rows();
    backend.embed(batch, embedding, activations.hidden);
    backend.rmsNorm(
        activations.hidden,
        layers.get(0).attentionNorm(),
        shape.epsilon(),
        activations.normed,
        rows);
    for (int i = 0; i < layers.size(); i++) {
      DecoderLayer layer = layers.get(i);
      layer.attention().forward(backend, batch, cache, activations);
      join(layer.attentionJoin(), layer.feedForwardNorm(), rows);
      layer.feedForward().forward(backend, activations, rows);
      Weight next = i + 1 < layers.size() ? layers.get(i + 1).attentionNorm() : finalNorm;
      join(layer.feedForwardJoin(), next, rows);
    }
  }

  private void join(BlockJoin join, Weight norm, int rows) {
    join.apply(
        backend,
        collective,
        activations.partial,
        activations.hidden,
        norm,
        shape.epsilon(),
        activations.normed,
        rows);
  }
}
