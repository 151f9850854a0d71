// Causal attention of a chunk of a prompt over the paged cache, the chunk's own keys and values
// included: plain prefill, chunked prefill and prefix hits are one case.
//
// A tile is 128 rows of (token, query head of one kv head), tokens outermost, so that the heads that
// share keys share their loads. Eight warps take 16 rows each; keys and values come a page at a
// time. Pages start at multiples of 64 tokens: a row's sums depend on its position alone.
#include "prelude.cuh"
#include "pages.cuh"

#define PREFILL_THREADS 256
#define TILE_ROWS 128
#define STAGES 2
#define STAGE_BYTES (2 * PAGE_BYTES)
#define PREFILL_SHARED (STAGES * STAGE_BYTES)
#define STEPS (HEAD_PITCH / 16)

// 32 bytes
struct PrefillTile {
  int first_row;  // of the step: the sequence's first token of this step
  int position;   // of that token
  int page;       // index of the sequence's first page among `pages`
  int start;      // first tile row, counted in (token, head) rows of the sequence
  int end;        // tokens of the sequence in this step * group
  int pad0, pad1, pad2;
};

struct PrefillWork {
  const u16* qkv;
  const PrefillTile* tiles;
  const int* pages;
  const u8* layer_pages;
  u64 page_stride;
  u16* y;
  int kv_heads, group;
  float scale;  // of scores, times log2(e)
};

DEVICE void fetch(const u8* source, u32 stage) {
#pragma unroll
  for (int i = 0; i < STAGE_BYTES / 16 / PREFILL_THREADS; i++) {
    int at = (i * PREFILL_THREADS + threadIdx.x) * 16;
    copy_async16(stage + at, source + at);
  }
}

// grid (tiles, kv_heads)
KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefill_attention(PrefillWork work) {
  DYNAMIC_SHARED(shared);
  const u32 stages = shared_address(shared);
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
  const PrefillTile tile = work.tiles[blockIdx.x];
  const int kv_head = blockIdx.y;
  const int* pages = work.pages + tile.page;
  const u8* base = work.layer_pages + (u64)kv_head * STAGE_BYTES;
  const u64 qkv_pitch = (u64)work.kv_heads * (work.group + 2) * HEAD_SIZE;

  // rows of this thread, clamped to the last: what lies beyond is computed and dropped
  const int row0 = tile.start + warp * 16 + g, row1 = row0 + 8;
  const int at0 = min(row0, tile.end - 1), at1 = min(row1, tile.end - 1);
  const int token0 = at0 / work.group, token1 = at1 / work.group;
  const int position0 = tile.position + token0, position1 = tile.position + token1;
  const u16* q = work.qkv + (u64)tile.first_row * qkv_pitch +
                 (u64)kv_head * (work.group + 2) * HEAD_SIZE;
  const u16* q0 = q + token0 * qkv_pitch + (at0 % work.group) * HEAD_SIZE;
  const u16* q1 = q + token1 * qkv_pitch + (at1 % work.group) * HEAD_SIZE;
  u32 qa[STEPS][4];
#pragma unroll
  for (int s = 0; s < STEPS; s++) {
    int at = s * 16 + c * 2;
    qa[s][0] = at < HEAD_SIZE ? *(const u32*)(q0 + at) : 0;
    qa[s][1] = at < HEAD_SIZE ? *(const u32*)(q1 + at) : 0;
    qa[s][2] = at + 8 < HEAD_SIZE ? *(const u32*)(q0 + at + 8) : 0;
    qa[s][3] = at + 8 < HEAD_SIZE ? *(const u32*)(q1 + at + 8) : 0;
  }

  const int last = tile.position + (min(tile.start + TILE_ROWS, tile.end) - 1) / work.group;
  const int first = tile.position + tile.start / work.group;
  const int count = last / PAGE_TOKENS + 1;
  float o[2 * STEPS][4];
#pragma unroll
  for (int n = 0; n < 2 * STEPS; n++) o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0;
  float top0 = -1e30f, top1 = -1e30f, sum0 = 0, sum1 = 0;

  fetch(base + (u64)pages[0] * work.page_stride, stages);
  copy_commit();
  for (int i = 0; i < count; i++) {
    if (i + 1 < count)
      fetch(base + (u64)pages[i + 1] * work.page_stride, stages + ((i + 1) & 1) * STAGE_BYTES);
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    const u32 keys = stages + (i & 1) * STAGE_BYTES, values = keys + PAGE_BYTES;
    if (i == count - 1 && last % PAGE_TOKENS != PAGE_TOKENS - 1) {
      clear_values(shared + (i & 1) * STAGE_BYTES + PAGE_BYTES, last % PAGE_TOKENS + 1);
      __syncthreads();
    }

    float p[8][4];  // scores of 16 rows and 64 tokens, then their weights
#pragma unroll
    for (int n = 0; n < 8; n++) p[n][0] = p[n][1] = p[n][2] = p[n][3] = 0;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        // two groups of 8 tokens, both halves of 16 elements: the B operands of two products
        u32 b[4];
        load_matrices(b, keys + page_chunk(n * 8 + (lane & 7) + ((lane >> 4) << 3),
                                           s * 2 + ((lane >> 3) & 1)));
        multiply_add(p[n], qa[s], b[0], b[1]);
        multiply_add(p[n + 1], qa[s], b[2], b[3]);
      }
    }

    if (i * PAGE_TOKENS + PAGE_TOKENS - 1 > first) {
#pragma unroll
      for (int n = 0; n < 8; n++) {
        int token = i * PAGE_TOKENS + n * 8 + c * 2;
        if (token > position0) p[n][0] = -1e30f;
        if (token + 1 > position0) p[n][1] = -1e30f;
        if (token > position1) p[n][2] = -1e30f;
        if (token + 1 > position1) p[n][3] = -1e30f;
      }
    }
    float m0 = -1e30f, m1 = -1e30f;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      m0 = fmaxf(m0, fmaxf(p[n][0], p[n][1]));
      m1 = fmaxf(m1, fmaxf(p[n][2], p[n][3]));
    }
#pragma unroll
    for (int d = 1; d < 4; d <<= 1) {
      m0 = fmaxf(m0, __shfl_xor_sync(FULL_WARP, m0, d));
      m1 = fmaxf(m1, __shfl_xor_sync(FULL_WARP, m1, d));
    }
    m0 = fmaxf(m0, top0);
    m1 = fmaxf(m1, top1);
    const float shrink0 = exp2_fast((top0 - m0) * work.scale);
    const float shrink1 = exp2_fast((top1 - m1) * work.scale);
    top0 = m0;
    top1 = m1;
    // Position 0 is open to every row, so a top is a real score from the first page on, and masked
    // scores weigh 0.
    const float minus0 = m0 * work.scale, minus1 = m1 * work.scale;
    sum0 *= shrink0;
    sum1 *= shrink1;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      p[n][0] = exp2_fast(p[n][0] * work.scale - minus0);
      p[n][1] = exp2_fast(p[n][1] * work.scale - minus0);
      p[n][2] = exp2_fast(p[n][2] * work.scale - minus1);
      p[n][3] = exp2_fast(p[n][3] * work.scale - minus1);
      sum0 += p[n][0] + p[n][1];
      sum1 += p[n][2] + p[n][3];
    }
#pragma unroll
    for (int n = 0; n < 2 * STEPS; n++) {
      o[n][0] *= shrink0;
      o[n][1] *= shrink0;
      o[n][2] *= shrink1;
      o[n][3] *= shrink1;
    }
#pragma unroll
    for (int t = 0; t < 4; t++) {
      u32 a[4] = {bf16_pair(p[2 * t][0], p[2 * t][1]), bf16_pair(p[2 * t][2], p[2 * t][3]),
                  bf16_pair(p[2 * t + 1][0], p[2 * t + 1][1]),
                  bf16_pair(p[2 * t + 1][2], p[2 * t + 1][3])};
#pragma unroll
      for (int s = 0; s < STEPS; s++) {
        // 16 tokens of two groups of 8 elements, transposed
        u32 b[4];
        load_matrices_transposed(
            b, values + page_chunk(t * 16 + (lane & 15), s * 2 + (lane >> 4)));
        multiply_add(o[2 * s], a, b[0], b[1]);
        multiply_add(o[2 * s + 1], a, b[2], b[3]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int d = 1; d < 4; d <<= 1) {
    sum0 += __shfl_xor_sync(FULL_WARP, sum0, d);
    sum1 += __shfl_xor_sync(FULL_WARP, sum1, d);
  }
  const float f0 = 1.f / sum0, f1 = 1.f / sum1;
  const u64 y_pitch = (u64)work.kv_heads * work.group * HEAD_SIZE;
  u16* y = work.y + (u64)tile.first_row * y_pitch + (u64)kv_head * work.group * HEAD_SIZE;
  u16* y0 = y + token0 * y_pitch + (at0 % work.group) * HEAD_SIZE;
  u16* y1 = y + token1 * y_pitch + (at1 % work.group) * HEAD_SIZE;
#pragma unroll
  for (int n = 0; n < 2 * STEPS; n++) {
    int at = n * 8 + c * 2;
    if (at < HEAD_SIZE) {
      if (row0 < tile.end) *(u32*)(y0 + at) = bf16_pair(o[n][0] * f0, o[n][1] * f0);
      if (row1 < tile.end) *(u32*)(y1 + at) = bf16_pair(o[n][2] * f1, o[n][3] * f1);
    }
  }
}
