package dev.millrace.cuda;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.engine.LoadPart;
import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.device.RecordedGraph;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.RankMemory;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * One rank on a GPU. Activations and weights are bf16, sums, the residual stream and logits
 * float32. Verbs put work into one stream and return; all device memory is taken when the backend
 * is opened.
 *
 * <p>Rows of the same step do not depend on each other, but how a product sums depends on the
 * number of rows, and how attention does on which sequences begin with the same blocks: the same
 * row can differ in its last bits between batches. The same steps give the same bits. With {@link
 * CudaSettings#batchInvariant} a row's bits depend on the row alone.
 */
final class CudaBackend extends CudaVerbs {
  /** Largest piece of {@link #write} and {@link #read}. */
  private static final int TRANSFER_BYTES = 4 << 20;

  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(20);

  /** A plan of so much is no plan: it is more than any device has. */
  private static final long UNPLANNED_BYTES = 1L << 40;

  /** Of a step that is recorded: its rows, and whether prefix attention is among its kernels. */
  private record Form(int rows, boolean prefixes) {}

  private final DeviceContext context;
  private final CudaSettings settings;
  private final boolean expandsInt4;
  private final RankMemory memory;
  private final Map<MemoryPurpose, DeviceArena> arenas = new EnumMap<>(MemoryPurpose.class);
  private final Scratch scratch;
  private final StepLayout layout;
  private final CudaBatch batch;
  private final PinnedBuffer[] stepMemory = new PinnedBuffer[2];
  private final CudaEvent[] stepCopied = new CudaEvent[2];
  private final HostFetch fetch = new HostFetch();
  private final PinnedBuffer transfer;
  private final Map<Form, RecordedGraph> graphs = new HashMap<>();
  private Optional<WeightUpload> upload = Optional.empty();
  private LoadPart uploaded = new LoadPart("weights", 0, 0);
  private long steps;
  private boolean eager;
  private boolean closed;

  /**
   * Opens a backend on the calling thread, with all its own device memory.
   *
   * @param context the calling thread's; stays open as long as this
   * @param expandsInt4 whether int4 weights are kept as bf16 too
   */
  CudaBackend(
      DeviceContext context,
      CudaSettings settings,
      CudaParts parts,
      int rank,
      StepLimits limits,
      Map<MemoryPurpose, Long> planBytes,
      boolean expandsInt4) {
    super(context.device(), new CudaStream(), new Kernels(parts.compiler(), context.device()));
    this.context = context;
    this.settings = settings;
    this.expandsInt4 = expandsInt4;
    memory = new RankMemory("rank " + rank, planBytes);
    DeviceArena arena =
        DeviceArena.open(MemoryPurpose.SCRATCH.label(), Scratch.bytes(limits, settings.ranks()));
    arenas.put(MemoryPurpose.SCRATCH, arena);
    scratch = memory.take(Scratch.take(limits, settings.ranks(), arena));
    layout = StepLayout.of(limits);
    batch =
        new CudaBatch(
            layout,
            settings.records(),
            settings.batchInvariant(),
            PageRing.of(context.device(), CudaKvCache.headBytes(limits.heads(), KvCacheType.AUTO))
                .groups(),
            context.device().multiprocessors());
    for (int i = 0; i < stepMemory.length; i++) {
      stepMemory[i] = new PinnedBuffer(layout.bytes());
      stepCopied[i] = new CudaEvent();
    }
    transfer = new PinnedBuffer(TRANSFER_BYTES);
    openVerbs(
        new Matmuls(
            parts.cublasLt(),
            parts.algorithms(context.device()),
            settings.batchInvariant()
                ? Matmuls.Choice.PINNED
                : settings.hasDeviceEach() ? Matmuls.Choice.TIMED : Matmuls.Choice.FIRST,
            scratch.workspace(),
            stream()),
        scratch,
        TaskLayout.of(limits),
        settings.hasDeviceEach());
    if (memory.planBytes(MemoryPurpose.WEIGHTS) < UNPLANNED_BYTES) {
      // pins its memory while that of activations and keys and values is taken and cleared
      openUpload().prepare(memory.planBytes(MemoryPurpose.WEIGHTS));
    }
  }

  /** The arena of a purpose; taken at the first use of it, as large as was planned. */
  private DeviceArena arena(MemoryPurpose purpose) {
    return arenas.computeIfAbsent(
        purpose,
        p ->
            memory.planBytes(p) >= UNPLANNED_BYTES
                ? DeviceArena.unbounded(p.label())
                : DeviceArena.open(p.label(), memory.planBytes(p)));
  }

  @Override
  public Tensor allocate(MemoryPurpose purpose, String name, DType type, int rows, int width) {
    long bytes = CudaTensor.bytes(type, rows, width);
    memory.reserve(purpose, name, bytes);
    return memory.take(
        new CudaTensor(purpose, name, type, rows, width, arena(purpose).take(name, bytes)));
  }

  @Override
  public Weight upload(WeightData data) {
    long bytes = CudaWeight.bytes(data.shape(), expandsInt4);
    memory.reserve(MemoryPurpose.WEIGHTS, data.name(), bytes);
    long address = arena(MemoryPurpose.WEIGHTS).take(data.name(), bytes);
    CudaWeight weight = new CudaWeight(data.name(), data.shape(), address, expandsInt4);
    upload.orElseGet(this::openUpload).run(data, weight);
    register(weight);
    return memory.take(weight);
  }

  private WeightUpload openUpload() {
    WeightUpload opened = new WeightUpload(context, kernels(), settings.ranks());
    upload = Optional.of(opened);
    return opened;
  }

  @Override
  void finishUploads() {
    if (upload.isPresent()) {
      WeightUpload ending = upload.get();
      upload = Optional.empty();
      ending.close();
      expandWeights();
      uploaded = new LoadPart("weights", ending.nanos(), ending.bytes());
    }
  }

  /** Loads every kernel file ahead of its first use. */
  void loadKernels() {
    loadKernels(KernelFile.always(context.device()));
  }

  private void loadKernels(Set<KernelFile> files) {
    files.forEach(file -> kernels().load(file, layout.limits().heads().headSize()));
  }

  /** The upload that ended last. */
  LoadPart uploaded() {
    return uploaded;
  }

  @Override
  public KvCache allocateKvCache(
      String name, int layers, int blocks, HeadLayout heads, KvCacheType type) {
    requireHeads(heads);
    if (type.isEightBit()) {
      loadKernels(KernelFile.eightBits());
    }
    long bytes = CudaKvCache.bytes(layers, blocks, heads, type);
    memory.reserve(MemoryPurpose.KV_CACHE, name, bytes);
    long address = arena(MemoryPurpose.KV_CACHE).take(name, bytes);
    return memory.take(new CudaKvCache(name, layers, blocks, heads, type, address));
  }

  @Override
  public void release(Allocation allocation) {
    memory.giveBack(allocation);
  }

  @Override
  public RankMemory memory() {
    return memory;
  }

  @Override
  public void write(float[] values, Tensor x, int rows) {
    settle();
    CudaTensor tensor = cuda(x);
    requireRows("write", tensor, rows, tensor.width());
    int rowBytes = tensor.pitch() * tensor.type().bytes();
    int most = Math.max(1, TRANSFER_BYTES / rowBytes);
    ByteBuffer bytes = transfer.bytes().order(ByteOrder.nativeOrder());
    for (int first = 0; first < rows; first += most) {
      int some = Math.min(most, rows - first);
      for (int row = 0; row < some; row++) {
        HostRows.write(values, (first + row) * tensor.width(), tensor, bytes, row * rowBytes);
      }
      transfer.upload(
          0, tensor.address() + (long) first * rowBytes, (long) some * rowBytes, stream());
      stream().await(settings.deadline());
    }
  }

  @Override
  public void read(Tensor x, int rows, float[] values) {
    settle();
    CudaTensor tensor = cuda(x);
    requireRows("read", tensor, rows, tensor.width());
    int rowBytes = tensor.pitch() * tensor.type().bytes();
    int most = Math.max(1, TRANSFER_BYTES / rowBytes);
    ByteBuffer bytes = transfer.bytes().order(ByteOrder.nativeOrder());
    for (int first = 0; first < rows; first += most) {
      int some = Math.min(most, rows - first);
      transfer.download(
          0, tensor.address() + (long) first * rowBytes, (long) some * rowBytes, stream());
      stream().await(settings.deadline());
      for (int row = 0; row < some; row++) {
        HostRows.read(bytes, row * rowBytes, tensor, values, (first + row) * tensor.width());
      }
    }
  }

  @Override
  public StepBatch begin(StepPlan plan) {
    finishUploads();
    int turn = (int) (steps++ & 1);
    if (steps > stepMemory.length) {
      stepCopied[turn].await(settings.deadline());
    }
    batch.take(plan, stepMemory[turn].bytes());
    batch.ranges(fetch.start());
    fetch.run(stepMemory[turn], scratch.step(), kernels(), stream());
    stepCopied[turn].record(stream());
    beginStep(batch, layout);
    return batch;
  }

  @Override
  public void run(StepBatch step, Runnable work) {
    Runnable verbs =
        () -> {
          work.run();
          settle();
        };
    // where ranks share a device hosts meet in the midst of a step, which a recording cannot
    if (!settings.records() || eager || !settings.hasDeviceEach() || !batch.isDecodeOnly()) {
      verbs.run();
      return;
    }
    Form form = new Form(batch.rows(), batch.prefixTiles() > 0);
    RecordedGraph graph = graphs.get(form);
    if (graph != null) {
      graph.launch(stream());
      return;
    }
    // The first step of a form runs as it comes: it loads kernels and chooses algorithms, which a
    // recording must not.
    verbs.run();
    graphs.put(form, RecordedGraph.record(stream(), verbs));
  }

  /** Device memory that was taken whole. */
  long arenaBytes() {
    return arenas.values().stream().mapToLong(DeviceArena::bytes).sum();
  }

  /** Records and replays nothing from now on; sizes of steps stay as they are with recordings. */
  void runEagerly() {
    eager = true;
  }

  StepLayout layout() {
    return layout;
  }

  Scratch scratch() {
    return scratch;
  }

  DeviceContext context() {
    return context;
  }

  CudaSettings settings() {
    return settings;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    upload.ifPresent(WeightUpload::stop); // whatever the stream says
    stream().await(CLOSE_PATIENCE); // steps may be under way
    upload.ifPresent(WeightUpload::abandon);
    memory.giveBack(scratch);
    graphs.values().forEach(RecordedGraph::close);
    closeVerbs();
    for (int i = 0; i < stepMemory.length; i++) {
      stepMemory[i].close();
      stepCopied[i].close();
    }
    transfer.close();
    stream().close();
    arenas.values().forEach(DeviceArena::close);
    memory.close();
  }
}
