package dev.millrace.cuda;

import dev.millrace.api.engine.LoadPart;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Opens the backends of a group of ranks on GPUs. Thread-safe. */
final class CudaBackendFactory extends CudaSizes implements AutoCloseable {
  private final CudaParts parts;
  private final CudaSettings settings;
  private final Map<Integer, DeviceContext> contexts = new LinkedHashMap<>();
  private final Map<Integer, Long> freeAtFirst = new HashMap<>();
  private final Map<Integer, CudaBackend> backends = new HashMap<>();
  private final Map<Integer, ProfilingBackend> profilers = new HashMap<>();
  private final Optional<VerbTimes> profile;
  private Exchange exchange;
  private CompletableFuture<Void> kernels; // null until the first backend opens
  private volatile long kernelNanos;

  CudaBackendFactory(CudaParts parts, CudaSettings settings) {
    this(parts, settings, Optional.empty());
  }

  /**
   * @param profile takes the times of verbs; empty to leave them untimed
   */
  CudaBackendFactory(CudaParts parts, CudaSettings settings, Optional<VerbTimes> profile) {
    super(settings.devices(), settings.deviceMemoryBytes());
    this.parts = parts;
    this.settings = settings;
    this.profile = profile;
  }

  @Override
  synchronized long freeBytes(int ordinal) {
    return context(ordinal).freeBytes();
  }

  /** A device's context, made the calling thread's: open for all ranks until this is closed. */
  private DeviceContext context(int ordinal) {
    DeviceContext context =
        contexts.computeIfAbsent(ordinal, o -> DeviceContext.open(parts.device(o)));
    context.use();
    freeAtFirst.computeIfAbsent(ordinal, o -> context.freeBytes());
    return context;
  }

  /**
   * What the driver holds for each rank of the first rank's device: the context, as planned, and
   * what else has gone since it was opened without being taken here. Others who use the device
   * meanwhile are counted in.
   */
  synchronized long driverBytesNow() {
    int ordinal = settings.devices().get(0);
    long gone = freeAtFirst.get(ordinal) - freeBytes(ordinal);
    for (Map.Entry<Integer, CudaBackend> backend : backends.entrySet()) {
      if (settings.devices().get(backend.getKey()) == ordinal) {
        gone -= backend.getValue().arenaBytes();
      }
    }
    return (CONTEXT_BYTES + Math.max(0, gone)) / sharing(ordinal);
  }

  @Override
  public Backend open(int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
    if (ranks != settings.ranks()) {
      throw new IllegalArgumentException(
          "ranks: expected %d, one a device of %s, found %d"
              .formatted(settings.ranks(), settings.devices(), ranks));
    }
    Exchange shared;
    DeviceContext context;
    synchronized (this) {
      List<DeviceContext> peers = settings.devices().stream().map(this::context).toList();
      context = context(settings.devices().get(rank));
      peers.forEach(context::enablePeer);
      prepareKernels(context.device(), limits.heads().headSize());
      if (ranks > 1 && exchange == null) {
        exchange = new Exchange(settings, limits);
      }
      shared = exchange;
    }
    CudaBackend backend =
        new CudaBackend(context, settings, parts, rank, limits, planBytes, expandsInt4());
    synchronized (this) {
      if (ranks > 1) {
        shared.enter(rank, backend.scratch().exchange());
      }
      backends.put(rank, backend);
      if (profile.isEmpty()) {
        return backend;
      }
      profilers.put(rank, new ProfilingBackend(backend, profile.get(), rank == 0));
      return profilers.get(rank);
    }
  }

  private void prepareKernels(CudaDevice device, int headSize) {
    if (kernels == null) {
      long start = System.nanoTime();
      kernels =
          parts
              .compiler()
              .prepare(KernelFile.always(device), headSize, device)
              .whenComplete((none, error) -> kernelNanos = System.nanoTime() - start);
    }
  }

  /** Waits for the kernels of all ranks; those of other devices are made at their first use. */
  LoadPart awaitKernels() {
    CompletableFuture<Void> pending;
    synchronized (this) {
      pending = kernels;
    }
    try {
      pending.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof CudaException known) {
        throw new CudaException(known.getMessage(), known);
      }
      throw e;
    }
    return new LoadPart("kernels", kernelNanos, 0);
  }

  /** Makes the first device's context that of the calling thread. */
  synchronized void use() {
    context(settings.devices().get(0));
  }

  synchronized CudaBackend backend(int rank) {
    return backends.get(rank);
  }

  CudaSettings settings() {
    return settings;
  }

  synchronized ProfilingBackend profiler(int rank) {
    return profilers.get(rank);
  }

  synchronized Exchange exchange() {
    return exchange;
  }

  /** Closes what the ranks shared, after their backends: their contexts last. Idempotent. */
  @Override
  public synchronized void close() {
    if (exchange != null) {
      context(settings.devices().get(0));
      exchange.close();
      exchange = null;
    }
    backends.clear();
    profilers.clear();
    contexts.values().forEach(DeviceContext::close);
    contexts.clear();
  }
}
