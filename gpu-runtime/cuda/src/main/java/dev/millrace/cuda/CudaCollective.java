package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.rank.Collective;

/**
 * Exchange between ranks on GPUs: kernels that read each other's memory, queued in each rank's
 * stream; the hosts do not wait for each other. Sums go in the order of the ranks.
 */
final class CudaCollective implements Collective {
  private static final int THREADS = 512;

  private final CudaBackendFactory backends;
  private final Collective host;
  private final Arguments arguments = new Arguments();
  private long rounds;

  /**
   * @param host the same rank's end of an exchange between host threads, for barriers and failures
   */
  CudaCollective(CudaBackendFactory backends, Collective host) {
    this.backends = backends;
    this.host = host;
  }

  @Override
  public int rank() {
    return host.rank();
  }

  @Override
  public int ranks() {
    return host.ranks();
  }

  @Override
  public void allReduce(Tensor x, int rows) {
    if (ranks() == 1 || rows == 0) {
      return;
    }
    if (x.type() != DType.BF16) {
      throw new IllegalArgumentException(
          "allReduce: expected a BF16 tensor, found %s of %s".formatted(x.name(), x.type()));
    }
    CudaTensor tensor = (CudaTensor) x;
    Exchange exchange = backends.exchange();
    CudaBackend backend = backends.backend(rank());
    backend.settle();
    Kernel kernel = backend.kernels().get(KernelFile.ALL_REDUCE, "all_reduce_bf16");
    long elements = (long) rows * tensor.pitch();
    long most = exchange.capacityBytes() / Short.BYTES;
    for (long first = 0; first < elements; first += most) {
      long some = Math.min(most, elements - first);
      if (exchange.isOrdered()) {
        long address = tensor.address() + first * Short.BYTES;
        long half = bring(exchange, backend, address, some * Short.BYTES);
        exchange.put(arguments.start(), rank()).i64(address).i64(some).i64(half);
        ordered(backend, "all_reduce_ordered", exchange);
        continue;
      }
      exchange.put(arguments.start(), rank());
      arguments.i64(tensor.address() + first * Short.BYTES).i64(some);
      kernel.launch(exchange.blocks(), 1, THREADS, 0, arguments, backend.stream());
    }
  }

  @Override
  public void allGather(Tensor part, Tensor whole, int rows) {
    CudaTensor from = (CudaTensor) part;
    CudaTensor to = (CudaTensor) whole;
    if (to.width() != ranks() * from.width()
        || from.pitch() != from.width()
        || from.type() != to.type()) {
      throw new IllegalArgumentException(
          "allGather: expected %s of width %d for %d ranks, found %d"
              .formatted(whole.name(), ranks() * part.width(), ranks(), whole.width()));
    }
    if (ranks() == 1 || rows == 0) {
      return;
    }
    Exchange exchange = backends.exchange();
    CudaBackend backend = backends.backend(rank());
    backend.settle();
    CudaStream stream = backend.stream();
    Kernel kernel = backend.kernels().get(KernelFile.ALL_REDUCE, "all_gather");
    int width = from.width() * from.type().bytes();
    int most = (int) Math.max(1, exchange.capacityBytes() / width);
    for (int first = 0; first < rows; first += most) {
      int some = Math.min(most, rows - first);
      if (exchange.isOrdered()) {
        long address = from.address() + (long) first * width;
        long half = bring(exchange, backend, address, (long) some * width);
        exchange
            .put(arguments.start(), rank())
            .i64(to.address() + (long) first * width * ranks())
            .i32(some)
            .i32(width)
            .i64(half);
        ordered(backend, "all_gather_ordered", exchange);
        continue;
      }
      exchange.put(arguments.start(), rank());
      arguments
          .i64(from.address() + (long) first * width)
          .i64(to.address() + (long) first * width * ranks())
          .i32(some)
          .i32(width);
      kernel.launch(exchange.blocks(), 1, THREADS, 0, arguments, stream);
    }
  }

  /**
   * Copies this rank's part to its buffer, and lets what comes next in its stream wait for the
   * parts of all ranks. The hosts meet in between: an event can be waited for once it has been
   * recorded.
   *
   * @return where the half that was used begins
   */
  private long bring(Exchange exchange, CudaBackend backend, long address, long bytes) {
    int half = (int) (rounds++ & 1);
    long start = half * exchange.capacityBytes();
    exchange.put(arguments.start(), rank()).i64(address).i64(bytes / 16).i64(start);
    ordered(backend, "bring_ordered", exchange);
    exchange.brought(rank(), half).record(backend.stream());
    host.barrier();
    for (int peer = 0; peer < ranks(); peer++) {
      exchange.brought(peer, half).holdBack(backend.stream());
    }
    return start;
  }

  private void ordered(CudaBackend backend, String entry, Exchange exchange) {
    backend
        .kernels()
        .get(KernelFile.ALL_REDUCE, entry)
        .launch(exchange.blocks(), 1, THREADS, 0, arguments, backend.stream());
  }

  @Override
  public void barrier() {
    host.barrier();
  }

  @Override
  public void poison(Throwable error) {
    host.poison(error);
    Exchange exchange = backends.exchange();
    if (exchange != null) {
      exchange.abandon(rank());
    }
  }
}
