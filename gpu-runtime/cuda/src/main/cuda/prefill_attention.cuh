// Causal attention of a chunk of a prompt over the paged cache, the chunk's own keys and values
// included: plain prefill, chunked prefill and prefix hits are one case.
//
// A tile is 128 rows of (token, query head of one kv head), tokens outermost, so that the heads that
// share keys share their loads. Keys and values come a page at a time. Pages start at multiples of 64
// tokens: a row's sums depend on its position alone.
#pragma once

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

// grid (tiles, kv_heads); dynamic shared memory: two stages and what is widened
template <class Pages>
DEVICE void prefill(const PrefillWork& work) {
  constexpr int STAGE_BYTES = Pages::BYTES;
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
  TileSums<Pages> sums;
  sums.load_queries(q0, q1);
  sums.clear();

  const int last = tile.position + (min(tile.start + TILE_ROWS, tile.end) - 1) / work.group;
  const int first = tile.position + tile.start / work.group;
  const int count = last / PAGE_TOKENS + 1;

  copy_page<STAGE_BYTES, PREFILL_THREADS>(base + (u64)pages[0] * work.page_stride, stages);
  copy_commit();
  for (int i = 0; i < count; i++) {
    if (i + 1 < count)
      copy_page<STAGE_BYTES, PREFILL_THREADS>(base + (u64)pages[i + 1] * work.page_stride,
                                              stages + ((i + 1) & 1) * STAGE_BYTES);
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    u32 page = stages + (i & 1) * STAGE_BYTES;
    u8* const here = shared + (i & 1) * STAGE_BYTES;
    if constexpr (Pages::WIDENED_BYTES > 0) {
      page = stages + 2 * STAGE_BYTES;
      Pages::widen(here, shared + 2 * STAGE_BYTES);
      __syncthreads();
    }
    if (i == count - 1 && last % PAGE_TOKENS != PAGE_TOKENS - 1) {
      Pages::clear(here, last % PAGE_TOKENS + 1);
      __syncthreads();
    }

    float p[8][4];  // scores of 16 rows and 64 tokens, then their weights
    sums.score(p, page, here);
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
    // Position 0 is open to every row, so each has a real score from the first page on.
    sums.add(p, page, here, work.scale);
    __syncthreads();
  }

  sums.gather();
  const float f0 = 1.f / sums.sum0, f1 = 1.f / sums.sum1;
  const u64 y_pitch = (u64)work.kv_heads * work.group * HEAD_SIZE;
  u16* y = work.y + (u64)tile.first_row * y_pitch + (u64)kv_head * work.group * HEAD_SIZE;
  u16* y0 = y + token0 * y_pitch + (at0 % work.group) * HEAD_SIZE;
  u16* y1 = y + token1 * y_pitch + (at1 % work.group) * HEAD_SIZE;
#pragma unroll
  for (int s = 0; s < STEPS; s++) {
    const float *a = sums.o[2 * s], *b = sums.o[2 * s + 1];
    if (row0 < tile.end) Pages::put(y0, s, c, a[0] * f0, a[1] * f0, b[0] * f0, b[1] * f0);
    if (row1 < tile.end) Pages::put(y1, s, c, a[2] * f1, a[3] * f1, b[2] * f1, b[3] * f1);
  }
}
