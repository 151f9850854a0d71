package dev.millrace.engine.model;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.rank.HeapCollective;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Looks into a model on one rank of any backend: the logits of every token of some prompts, and
 * what a single layer makes of hidden states it is given. Prompts are of one length; all but their
 * last tokens are prefilled in one step, their last ones decoded in the next.
 */
public final class ModelProbe {
  private final Workspace workspace;
  private final EngineSettings settings;
  private final BackendFactory backends;
  private final int[][] prompts;
  private final int length;

  /**
   * @param prompts token ids // (prompts, length)
   */
  public ModelProbe(Workspace workspace, BackendFactory backends, int[][] prompts) {
    this.workspace = workspace;
    this.backends = backends;
    this.prompts = prompts;
    length = prompts[0].length;
    int tokens = prompts.length * length;
    settings =
        new EngineSettings(
            backends.name(), 1, prompts.length, tokens, 0, length + 1, false, 0, 120_000);
  }

  /** Takes rows of results: (prompt, token) and its values. */
  public interface RowSink {
    void row(int prompt, int token, float[] values);
  }

  /** Logits of every token, through the whole model. */
  public void logits(RowSink sink) {
    int vocabulary = workspace.manifest().shape().vocabularySize();
    int[] done = {0};
    LogitTasks.Factory reader =
        (backend, collective, gathered) ->
            new LogitReader(
                backend,
                (row, values) -> give(done[0] == 0, row, Arrays.copyOf(values, vocabulary), sink));
    try (RankedExecutor executor =
        RankedExecutor.open(workspace, settings, backends, collectives(), reader)) {
      executor.execute(prefill(true));
      done[0] = 1;
      executor.execute(decode(true));
    }
  }

  private static List<Collective> collectives() {
    return HeapCollective.group(1, Duration.ofMinutes(2)).stream()
        .map(Collective.class::cast)
        .toList();
  }

  private void give(boolean prefilled, int row, float[] values, RowSink sink) {
    if (prefilled) {
      sink.row(row / (length - 1), row % (length - 1), values);
    } else {
      sink.row(row, length - 1, values);
    }
  }

  /** Hidden states that go into a layer. */
  public interface LayerInputs {
    /** The hidden state of a token before a layer. */
    float[] row(int layer, int prompt, int token);
  }

  /** Takes the hidden states that come out of a layer. */
  public interface LayerSink {
    void row(int layer, int prompt, int token, float[] values);
  }

  /** Runs every layer alone on the inputs it is given. */
  public void layers(LayerInputs inputs, LayerSink sink) {
    MemoryPlan plan = MemoryPlan.of(workspace.manifest(), settings, backends);
    DecoderShape shape = plan.shape();
    Backend backend = backends.open(0, 1, plan.limits(), plan.bytes());
    List<Allocation> taken = new ArrayList<>();
    try {
      Activations activations = new Activations(backend, plan.activations(), shape, taken);
      KvCache cache =
          backend.allocateKvCache(
              "kv-cache",
              shape.layers().size(),
              plan.kvBlocks(),
              shape.heads(),
              plan.kvCacheType());
      taken.add(cache);
      RankWeights weights = new RankWeights(workspace, 1, 0, backend, taken);
      LayerLoader loader = new LayerLoader(shape, weights, activations);
      List<DecoderLayer> layers = new ArrayList<>();
      for (int layer = 0; layer < shape.layers().size(); layer++) {
        layers.add(loader.load(layer));
      }
      for (int i = 0; i < layers.size(); i++) {
        int layer = i;
        LayerRun run = new LayerRun(backend, shape, activations, cache, layers.get(i));
        run.step(
            prefill(false),
            row -> inputs.row(layer, row / (length - 1), row % (length - 1)),
            (row, values) -> sink.row(layer, row / (length - 1), row % (length - 1), values));
        run.step(
            decode(false),
            row -> inputs.row(layer, row, length - 1),
            (row, values) -> sink.row(layer, row, length - 1, values));
      }
    } finally {
      for (int i = taken.size() - 1; i >= 0; i--) {
        backend.release(taken.get(i));
      }
      backend.close();
    }
  }

  /** All tokens but the last of each prompt. */
  private StepPlan prefill(boolean scored) {
    return plan(0, length - 1, scored);
  }

  /** The last token of each prompt. */
  private StepPlan decode(boolean scored) {
    return plan(length - 1, 1, scored);
  }

  private StepPlan plan(int first, int count, boolean scored) {
    int tokens = prompts.length * count;
    int[] tokenIds = new int[tokens];
    int[] positions = new int[tokens];
    int[] queryStarts = new int[prompts.length + 1];
    int[] contextTokens = new int[prompts.length];
    int blocks = (length + StepPlan.BLOCK_TOKENS - 1) / StepPlan.BLOCK_TOKENS;
    int[][] tables = new int[prompts.length][blocks];
    List<LogitTask> tasks = new ArrayList<>();
    for (int prompt = 0; prompt < prompts.length; prompt++) {
      for (int i = 0; i < count; i++) {
        int row = prompt * count + i;
        tokenIds[row] = prompts[prompt][first + i];
        positions[row] = first + i;
        if (scored) {
          tasks.add(new LogitTask.Score(row, 0, 0));
        }
      }
      queryStarts[prompt + 1] = (prompt + 1) * count;
      contextTokens[prompt] = first + count;
      for (int b = 0; b < blocks; b++) {
        tables[prompt][b] = prompt * blocks + b;
      }
    }
    return new StepPlan(tokenIds, positions, queryStarts, contextTokens, tables, tasks);
  }

  private interface Rows {
    float[] row(int row);
  }

  private interface Results {
    void row(int row, float[] values);
  }

  /** One layer between hidden states that are written and read. */
  private record LayerRun(
      Backend backend,
      DecoderShape shape,
      Activations activations,
      KvCache cache,
      DecoderLayer layer) {

    void step(StepPlan plan, Rows inputs, Results results) {
      int hidden = shape.hidden();
      StepBatch batch = backend.begin(plan);
      float[] values = new float[plan.tokens() * hidden];
      for (int row = 0; row < plan.tokens(); row++) {
        System.arraycopy(inputs.row(row), 0, values, row * hidden, hidden);
      }
      backend.write(values, activations.hidden, plan.tokens());
      int rows = batch.rows();
      Collective alone = collectives().get(0);
      backend.rmsNorm(
          activations.hidden, layer.attentionNorm(), shape.epsilon(), activations.normed, rows);
      layer.attention().forward(backend, batch, cache, activations);
      join(layer.attentionJoin(), alone, layer.feedForwardNorm(), rows);
      layer.feedForward().forward(backend, activations, rows);
      join(layer.feedForwardJoin(), alone, layer.feedForwardNorm(), rows);
      backend.read(activations.hidden, plan.tokens(), values);
      for (int row = 0; row < plan.tokens(); row++) {
        results.row(row, Arrays.copyOfRange(values, row * hidden, (row + 1) * hidden));
      }
    }

    private void join(BlockJoin join, Collective alone, Weight norm, int rows) {
      join.apply(
          backend,
          alone,
          activations.partial,
          activations.hidden,
          norm,
          shape.epsilon(),
          activations.normed,
          rows);
    }
  }

  /** Reads logits where draws would be made of them. */
  private record LogitReader(Backend backend, Results results) implements LogitTasks {
    @Override
    public void run(int firstRow, int rows, Tensor logits) {
      float[] values = new float[rows * logits.width()];
      backend.read(logits, rows, values);
      for (int row = 0; row < rows; row++) {
        results.row(
            firstRow + row,
            Arrays.copyOfRange(values, row * logits.width(), (row + 1) * logits.width()));
      }
    }
  }
}
