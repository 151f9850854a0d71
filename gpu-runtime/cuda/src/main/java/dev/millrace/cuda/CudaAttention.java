package dev.millrace.cuda;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.engine.compute.HeadLayout;

/** Attention over the paged cache: tiles of prefill and prefix attention, decode items. */
final class CudaAttention {
  private static final double LOG2_E = 1.4426950408889634;
  private static final int PREFILL_THREADS = 256;
  private static final int PREFILL_STAGES = 2;

  private final CudaDevice device;
  private final Kernels kernels;
  private final CudaStream stream;
  private final Scratch scratch;
  private final Arguments arguments = new Arguments();

  CudaAttention(CudaDevice device, Kernels kernels, CudaStream stream, Scratch scratch) {
    this.device = device;
    this.kernels = kernels;
    this.stream = stream;
    this.scratch = scratch;
  }

  void run(
      CudaBatch batch,
      StepLayout layout,
      CudaTensor qkv,
      CudaKvCache cache,
      int layer,
      CudaTensor y) {
    if (batch.tiles() > 0) {
      prefill(batch, layout, qkv, cache, layer, y);
    }
    if (batch.prefixTiles() > 0) {
      prefix(batch, layout, qkv, cache, layer);
    }
    if (batch.decodes() > 0) {
      decode(layout, qkv, cache, layer, y);
    }
  }

  private void prefill(
      CudaBatch batch,
      StepLayout layout,
      CudaTensor qkv,
      CudaKvCache cache,
      int layer,
      CudaTensor y) {
    HeadLayout heads = cache.heads();
    int shared = tileSharedBytes(cache);
    tileKernel("prefill_attention", cache)
        .withSharedBytes(shared)
        .launch(
            batch.tiles(),
            heads.kvHeads(),
            PREFILL_THREADS,
            shared,
            arguments
                .start()
                .beginStructure()
                .i64(qkv.address())
                .i64(scratch.step() + layout.tiles())
                .i64(scratch.step() + layout.pages())
                .i64(cache.layerAddress(layer))
                .i64(cache.pageStride())
                .i64(y.address())
                .i32(heads.kvHeads())
                .i32(heads.groupSize())
                .f32(scale(heads))
                .endStructure(),
            stream);
  }

  /** Decode attention takes it from there. */
  private void prefix(
      CudaBatch batch, StepLayout layout, CudaTensor qkv, CudaKvCache cache, int layer) {
    HeadLayout heads = cache.heads();
    int shared = tileSharedBytes(cache);
    long tiles = scratch.step() + layout.tiles() + (long) StepLayout.TILE_BYTES * batch.tiles();
    tileKernel("prefix_attention", cache)
        .withSharedBytes(shared)
        .launch(
            device.multiprocessors(), // fixed, as for decode attention
            1,
            PREFILL_THREADS,
            shared,
            arguments
                .start()
                .beginStructure()
                .i64(qkv.address())
                .i64(scratch.step() + layout.header())
                .i64(tiles)
                .i64(scratch.step() + layout.prefixMembers())
                .i64(scratch.step() + layout.pages())
                .i64(cache.layerAddress(layer))
                .i64(cache.pageStride())
                .i64(scratch.partials())
                .i32(heads.kvHeads())
                .i32(heads.groupSize())
                .i32(StepLayout.headTiles(heads))
                .f32(scale(heads))
                .endStructure(),
            stream);
  }

  private Kernel tileKernel(String entry, CudaKvCache cache) {
    KernelFile file =
        cache.type().isEightBit() ? KernelFile.PREFILL_ATTENTION8 : KernelFile.PREFILL_ATTENTION;
    return kernels.get(file, entry + cache.kernelSuffix(), cache.heads().headSize());
  }

  private static int tileSharedBytes(CudaKvCache cache) {
    int widened =
        cache.type().isEightBit() ? CudaKvCache.headBytes(cache.heads(), KvCacheType.AUTO) : 0;
    return PREFILL_STAGES * CudaKvCache.headBytes(cache.heads(), cache.type()) + widened;
  }

  private void decode(
      StepLayout layout, CudaTensor qkv, CudaKvCache cache, int layer, CudaTensor y) {
    HeadLayout heads = cache.heads();
    boolean narrow = cache.type().isEightBit();
    PageRing ring = PageRing.of(device, CudaKvCache.headBytes(heads, cache.type()));
    KernelFile file = narrow ? KernelFile.DECODE_ATTENTION8 : KernelFile.DECODE_ATTENTION;
    kernels
        .get(file, "decode_attention" + cache.kernelSuffix(), heads.headSize())
        .withSharedBytes(ring.sharedBytes())
        .launch(
            // fixed, so that a recording serves every length; blocks without an item end at once
            device.multiprocessors(),
            1,
            ring.threads(heads),
            ring.sharedBytes(),
            arguments
                .start()
                .beginStructure()
                .i64(qkv.address())
                .i64(scratch.step() + layout.header())
                .i64(scratch.step() + layout.items())
                .i64(scratch.step() + layout.pages())
                .i64(cache.layerAddress(layer))
                .i64(cache.pageStride())
                .i64(scratch.partials())
                .i64(y.address())
                .i32(heads.kvHeads())
                .i32(heads.groupSize())
                .i32(StepLayout.headTiles(heads))
                .f32(scale(heads))
                .i32(ring.stages())
                .i32(layout.itemsMax())
                .endStructure(),
            stream);
  }

  /** What scores are multiplied by, for powers of two in place of e. */
  private static float scale(HeadLayout heads) {
    return (float) (LOG2_E / Math.sqrt(heads.headSize()));
  }
}
