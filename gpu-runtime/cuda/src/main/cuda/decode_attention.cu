// Decode attention over pages in bf16, and the merge of a sequence's chunks, whatever its pages.
#include "prelude.cuh"
#include "pages.cuh"
#include "decode_attention.cuh"

KERNEL void __launch_bounds__(DECODE_THREADS, 2) decode_attention(DecodeWork work) {
  begin_kernel();
  decode<Bf16Pages, 3>(work);
}

// Merges the chunks of sequences longer than one. grid (sequences, kv_heads * head_tiles), block
// HEAD_PITCH

// 16 bytes
struct MergeItem {
  int row;     // of the step
  int slot;    // of the first chunk
  int chunks;  // fewer than 2: nothing to do
  int pad;
};

struct MergeWork {
  const MergeItem* items;
  const float* partial;
  u16* y;
  int kv_heads, group, head_tiles;
};

KERNEL void __launch_bounds__(HEAD_PITCH) merge_attention(MergeWork work) {
  begin_kernel();
  const MergeItem item = work.items[blockIdx.x];
  if (item.chunks < 2) return;
  const int units = work.kv_heads * work.head_tiles, unit = blockIdx.y;
  const int kv_head = unit / work.head_tiles, first_head = unit % work.head_tiles * TILE_HEADS;
  const int heads = min(work.group - first_head, TILE_HEADS);
  const u64 step = (u64)units * TILE_HEADS * PARTIAL_FLOATS;
  const float* partial = work.partial + ((u64)item.slot * units + unit) * TILE_HEADS * PARTIAL_FLOATS;
  u16* y = work.y + ((u64)item.row * work.kv_heads + kv_head) * work.group * HEAD_SIZE +
           (u64)first_head * HEAD_SIZE;
  for (int head = 0; head < heads; head++) {
    const float* p = partial + head * PARTIAL_FLOATS;
    float top = -1e30f;
    for (int k = 0; k < item.chunks; k++) top = fmaxf(top, p[k * step + HEAD_PITCH]);
    float sum = 0, x = 0;
    for (int k = 0; k < item.chunks; k++) {
      float weight = p[k * step + HEAD_PITCH + 1] * exp2_fast(p[k * step + HEAD_PITCH] - top);
      sum += weight;
      x += weight * p[k * step + threadIdx.x];
    }
    if (threadIdx.x < HEAD_SIZE) y[head * HEAD_SIZE + threadIdx.x] = bf16_of(x / sum);
  }
}
