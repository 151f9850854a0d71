package dev.millrace.cuda.matmul;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.CudaStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntConsumer;

/**
 * Products of one rank. The first product of a form is prepared: its algorithm comes from the
 * store, or the library's candidates are timed, over different weights in turn so that none is
 * found in the cache of the device; or it is pinned ({@link Choice}). Used by the rank's thread.
 */
public final class Matmuls implements AutoCloseable {
  /** What NVIDIA advises on Hopper, twice. */
  public static final long WORKSPACE_BYTES = 64L << 20;

  private static final int CANDIDATES = 12;

  /** Rows that a pinned algorithm is asked for: enough for full tiles, few enough for decoding. */
  private static final int PINNED_ROWS = 256;

  /** Rows that it must serve too. */
  private static final int[] PINNED_ROWS_CHECKED = {1, 2, 3, 8, 17, 64, 65, 1024, 8192};

  /** How the algorithm of a product is chosen. */
  public enum Choice {
    /** The fastest of the library's candidates, timed at the first product of a form. */
    TIMED,
    /** The library's first: ranks that share a device would time each other's work too. */
    FIRST,
    /**
     * One for all rows, with nothing summed apart: a row's bits do not depend on the rows beside
     * it. The same on every run.
     */
    PINNED
  }

  private static final Duration FAULT_PATIENCE = Duration.ofSeconds(1);

  /** For other ranks, which may be choosing too. */
  private static final Duration RANKS_PATIENCE = Duration.ofMinutes(1);

  private static final float[] ONE = {1f};
  private static final float[] ZERO = {0f};

  /** About how long the timing of one way to multiply takes. */
  private static final float TIMING_MILLIS = 2f;

  private final CublasLt.Functions functions;
  private final AlgorithmStore store;
  private final Choice choice;
  private final long workspace;
  private final CudaStream stream;
  private final long handle;
  private final long preference;
  private final Map<Product, PreparedProduct> prepared = new HashMap<>();
  private final Map<Product, byte[]> pinned = new HashMap<>();
  private final Set<Code> loaded = new HashSet<>();
  private boolean closed;

  /** What code the library runs: it is loaded at the first launch, which takes milliseconds. */
  private record Code(
      boolean inputMajor, boolean floatResult, boolean biased, ByteBuffer algorithm) {
    static Code of(Product product, byte[] algorithm) {
      return new Code(
          product.inputMajor(),
          product.floatResult(),
          product.biased(),
          ByteBuffer.wrap(algorithm));
    }
  }

  /**
   * @param workspace device memory of {@link #WORKSPACE_BYTES}
   */
  public Matmuls(
      CublasLt library, AlgorithmStore store, Choice choice, long workspace, CudaStream stream) {
    functions = library.functions;
    this.store = store;
    this.choice = choice;
    this.workspace = workspace;
    this.stream = stream;
    long[] created = new long[1];
    CublasLt.check(functions.cublasLtCreate(created), "opening");
    handle = created[0];
    CublasLt.check(functions.cublasLtMatmulPreferenceCreate(created), "preference");
    preference = created[0];
    CublasLt.check(
        functions.cublasLtMatmulPreferenceSetAttribute(
            preference,
            CublasLt.PREFERENCE_WORKSPACE_BYTES,
            // without memory for parts of sums, nothing is summed in parts
            new long[] {choice == Choice.PINNED ? 0 : WORKSPACE_BYTES},
            Long.BYTES),
        "workspace");
    CublasLt.check(
        functions.cublasLtMatmulPreferenceSetAttribute(
            preference,
            CublasLt.PREFERENCE_REDUCTION_SCHEMES,
            new long[] {
              choice == Choice.PINNED ? CublasLt.REDUCTION_NONE : CublasLt.REDUCTION_COMPUTE_TYPE
            },
            Integer.BYTES),
        "reduction schemes");
  }

  /**
   * y = x W^T, with a bias where the form says so.
   *
   * @param weight address of W
   * @param alike addresses of all weights of its form, over which candidates are timed
   * @param bias address of the bias, or 0
   */
  public void run(Product product, long x, long weight, List<Long> alike, long bias, long y) {
    PreparedProduct ready = prepared.get(product);
    if (ready == null) {
      ready = new PreparedProduct(functions, product);
      prepared.put(product, ready);
      if (product.biased()) {
        ready.setBias(bias);
      }
      if (isPinned()) {
        ready.algorithm = pinned.computeIfAbsent(product.withRows(PINNED_ROWS), p -> pin(p, bias));
      } else {
        choose(product, ready, x, alike.isEmpty() ? List.of(weight) : alike, bias, y);
      }
    }
    if (product.biased()) {
      ready.setBias(bias);
    }
    int status = launch(ready, ready.algorithm, x, weight, y);
    if (status == CublasLt.EXECUTION_FAILED) {
      stream.await(FAULT_PATIENCE); // the device's own error says more
    }
    CublasLt.check(status, "running " + product);
  }

  /** Whether products must not depend on their number of rows. */
  public boolean isPinned() {
    return choice == Choice.PINNED;
  }

  /** Whether candidates may be timed. */
  public boolean isTimed() {
    return choice == Choice.TIMED;
  }

  /** The way to multiply that was chosen under a key. */
  public Optional<String> way(String key) {
    return store.way(key);
  }

  /** Keeps a way to multiply under a key: without a tab or the end of a line in either. */
  public void keepWay(String key, String way) {
    store.putWay(key, way);
  }

  /**
   * Milliseconds that work takes on the device, one time as another.
   *
   * @param work puts it into the stream, given the number of the turn; has run before
   */
  public float millis(IntConsumer work) {
    return millis(Race.turns(TIMING_MILLIS, millis(1, work), 3), work);
  }

  private float millis(int turns, IntConsumer work) {
    try (CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      start.record(stream);
      for (int i = 0; i < turns; i++) {
        work.accept(i);
      }
      end.record(stream);
      return end.millisSince(start) / turns;
    }
  }

  private int launch(PreparedProduct ready, byte[] algorithm, long x, long weight, long y) {
    return functions.cublasLtMatmul(
        handle,
        ready.descriptor,
        ONE,
        weight,
        ready.weightLayout,
        x,
        ready.xLayout,
        ZERO,
        y,
        ready.yLayout,
        y,
        ready.yLayout,
        algorithm,
        workspace,
        WORKSPACE_BYTES,
        stream.address());
  }

  private void choose(
      Product product, PreparedProduct ready, long x, List<Long> weights, long bias, long y) {
    Optional<byte[]> kept = store.get(product);
    if (kept.isPresent() && isUsable(ready, kept.get())) {
      ready.algorithm = kept.get();
      return;
    }
    List<byte[]> candidates = candidates(product, ready);
    if (choice == Choice.FIRST) {
      ready.algorithm = candidates.get(0);
      return;
    }
    addNeighbours(product, ready, bias, candidates);
    // candidates' code is loaded while nothing of this rank waits on the device for another
    stream.await(RANKS_PATIENCE);
    ready.algorithm = Race.winner(candidates, new Timing(product, ready, x, weights, y));
    store.put(product, ready.algorithm);
  }

  /** Adds what the library names for neighbouring rows and can be run for these. */
  private void addNeighbours(
      Product product, PreparedProduct ready, long bias, List<byte[]> candidates) {
    Product neighbour = product.withRows(product.neighbourRows());
    if (neighbour.equals(product)) {
      return;
    }
    Set<ByteBuffer> known = new HashSet<>();
    candidates.forEach(candidate -> known.add(ByteBuffer.wrap(candidate)));
    try (PreparedProduct asked = prepare(neighbour, bias)) {
      for (byte[] candidate : ask(neighbour, asked)) {
        if (known.add(ByteBuffer.wrap(candidate)) && isUsable(ready, candidate)) {
          candidates.add(candidate);
        }
      }
    }
  }

  /** The library's first candidate that serves all rows. */
  private byte[] pin(Product product, long bias) {
    List<PreparedProduct> forms = new ArrayList<>();
    try {
      for (int rows : PINNED_ROWS_CHECKED) {
        forms.add(prepare(product.withRows(rows), bias));
      }
      PreparedProduct asked = prepare(product, bias);
      forms.add(asked);
      for (byte[] candidate : candidates(product, asked)) {
        if (forms.stream().allMatch(form -> isUsable(form, candidate))) {
          return candidate;
        }
      }
    } finally {
      forms.forEach(PreparedProduct::close);
    }
    throw new CudaException(
        "cuBLASLt has no algorithm for all rows of %s; leave batch invariance off"
            .formatted(product),
        0);
  }

  private PreparedProduct prepare(Product product, long bias) {
    PreparedProduct form = new PreparedProduct(functions, product);
    if (product.biased()) {
      form.setBias(bias);
    }
    return form;
  }

  private boolean isUsable(PreparedProduct ready, byte[] algorithm) {
    byte[] result = new byte[CublasLt.HEURISTIC_BYTES];
    int status =
        functions.cublasLtMatmulAlgoCheck(
            handle,
            ready.descriptor,
            ready.weightLayout,
            ready.xLayout,
            ready.yLayout,
            ready.yLayout,
            algorithm,
            result);
    long workspaceBytes =
        ByteBuffer.wrap(result)
            .order(ByteOrder.nativeOrder())
            .getLong(CublasLt.HEURISTIC_WORKSPACE);
    return status == 0 && workspaceBytes <= WORKSPACE_BYTES;
  }

  private List<byte[]> candidates(Product product, PreparedProduct ready) {
    List<byte[]> candidates = ask(product, ready);
    if (candidates.isEmpty()) {
      throw new CudaException("cuBLASLt has no algorithm for " + product, CublasLt.NOT_SUPPORTED);
    }
    return candidates;
  }

  /** The library's candidates, best first by its own reckoning; none if it has none. */
  private List<byte[]> ask(Product product, PreparedProduct ready) {
    byte[] results = new byte[CANDIDATES * CublasLt.HEURISTIC_BYTES];
    int[] returned = new int[1];
    int status =
        functions.cublasLtMatmulAlgoGetHeuristic(
            handle,
            ready.descriptor,
            ready.weightLayout,
            ready.xLayout,
            ready.yLayout,
            ready.yLayout,
            preference,
            CANDIDATES,
            results,
            returned);
    if (status == CublasLt.NOT_SUPPORTED) {
      return List.of();
    }
    CublasLt.check(status, "choosing an algorithm for " + product);
    List<byte[]> candidates = new ArrayList<>();
    ByteBuffer bytes = ByteBuffer.wrap(results).order(ByteOrder.nativeOrder());
    for (int i = 0; i < returned[0]; i++) {
      int at = i * CublasLt.HEURISTIC_BYTES;
      if (bytes.getInt(at + CublasLt.HEURISTIC_STATUS) == 0) {
        candidates.add(java.util.Arrays.copyOfRange(results, at, at + CublasLt.ALGORITHM_BYTES));
      }
    }
    return candidates;
  }

  /** Times algorithms of a product, over its weights in turn. */
  private final class Timing implements Race.Clock<byte[]> {
    private final Product product;
    private final PreparedProduct ready;
    private final long x;
    private final List<Long> weights;
    private final long y;
    private int launches;
    private boolean refused;

    Timing(Product product, PreparedProduct ready, long x, List<Long> weights, long y) {
      this.product = product;
      this.ready = ready;
      this.x = x;
      this.weights = weights;
      this.y = y;
    }

    @Override
    public float millis(byte[] algorithm, int turns) {
      refused = false;
      if (loaded.add(Code.of(product, algorithm))) {
        launchNext(algorithm);
      }
      float millis = Matmuls.this.millis(turns, turn -> launchNext(algorithm));
      return refused ? Float.POSITIVE_INFINITY : millis;
    }

    private void launchNext(byte[] algorithm) {
      long weight = weights.get(launches++ % weights.size());
      refused |= launch(ready, algorithm, x, weight, y) != 0;
    }
  }

  /** Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    prepared.values().forEach(PreparedProduct::close);
    functions.cublasLtMatmulPreferenceDestroy(preference);
    CublasLt.check(functions.cublasLtDestroy(handle), "closing");
    store.save();
  }
}
