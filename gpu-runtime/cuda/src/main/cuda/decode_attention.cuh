// Attention of one new token a sequence over its paged cache, on tensor cores.
//
// Work item: a chunk (512 tokens, more where memory for partial results is short) of one sequence,
// one kv head, at most 8 of its query heads. The heads are the narrow side of the products:
//   S^T (16 tokens x 8 heads) = K (16 x 16) Q^T (16 x 8), O^T (16 elements x 8 heads) += V^T P
// Four warps take 16 tokens of each page. A sequence's sums depend on its own length alone:
// chunks start at fixed positions and are merged in order.
//
// `Pages` says how keys and values are stored and become operands: pages.cuh, pages8.cuh.
#pragma once

#define DECODE_THREADS 128
#define TILE_HEADS 8
// A partial result: HEAD_PITCH sums, the largest score, the sum of weights.
#define PARTIAL_FLOATS (HEAD_PITCH + 4)
// float pitch of a warp's sums in shared memory, padded against bank conflicts
#define MERGE_PITCH (HEAD_PITCH + 4)

// 16 bytes
struct DecodeItem {
  int row;     // of the step
  int page;    // index of the chunk's first page among `pages`
  int tokens;  // 1 or more
  int slot;    // where the partial result goes, or -1: the item is the whole sequence
};

struct DecodeWork {
  const u16* qkv;  // (rows, kv_heads * (group + 2) * HEAD_SIZE), rotated
  const int* header;  // [0]: items
  const DecodeItem* items;
  const int* pages;  // page numbers of the sequences
  const u8* layer_pages;
  u64 page_stride;
  float* partial;  // (slots, kv_heads * head_tiles, TILE_HEADS, PARTIAL_FLOATS)
  u16* y;          // (rows, kv_heads * group * HEAD_SIZE)
  int kv_heads, group, head_tiles;
  float scale;  // of scores, times log2(e)
};

struct PageSource {
  const u8* base;  // layer and kv head
  const int* pages;
  u64 stride;
};

// Starts the copy of a page's keys and values into a stage.
template <int STAGE_BYTES>
DEVICE void fetch(const PageSource& from, int page, u32 stage, u32 barrier) {
  const u8* source = from.base + (u64)from.pages[page] * from.stride;
#if BULK_COPY
  if (threadIdx.x == 0) {
    barrier_expect(barrier, STAGE_BYTES);
    copy_bulk(stage, source, STAGE_BYTES, barrier);
  }
#else
  copy_page<STAGE_BYTES, DECODE_THREADS>(source, stage);
#endif
}

// Dynamic shared memory: STAGES stages and 64 bytes.
template <class Pages, int STAGES>
DEVICE void decode(const DecodeWork& work) {
  constexpr int STAGE_BYTES = Pages::BYTES;
  DYNAMIC_SHARED(shared);
  __shared__ float tops[4][TILE_HEADS][2];
  const u32 stages = shared_address(shared);
  const u32 barriers = stages + STAGES * STAGE_BYTES;
  const int thread = threadIdx.x, warp = thread >> 5, lane = thread & 31;
  const int g = lane >> 2, c = lane & 3;
#if BULK_COPY
  if (thread == 0) {
    for (int i = 0; i < STAGES; i++) barrier_init(barriers + i * 8);
    barrier_init_fence();
  }
  __syncthreads();
#endif

  const int units = work.kv_heads * work.head_tiles;
  const int count = work.header[0] * units;
  u32 turn = 0;  // pages fetched so far: stage and phase follow from it
  for (int index = blockIdx.x; index < count; index += gridDim.x) {
    const DecodeItem item = work.items[index / units];
    const int unit = index % units, kv_head = unit / work.head_tiles;
    const int first_head = unit % work.head_tiles * TILE_HEADS;
    const int heads = min(work.group - first_head, TILE_HEADS);
    const int pages = (item.tokens + PAGE_TOKENS - 1) / PAGE_TOKENS;
    const PageSource source = {work.layer_pages + (u64)kv_head * STAGE_BYTES,
                               work.pages + item.page, work.page_stride};
    const u16* q = work.qkv + ((u64)item.row * work.kv_heads + kv_head) * (work.group + 2) * HEAD_SIZE +
                   (u64)first_head * HEAD_SIZE;

    u32 qb[STEPS][2];
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      qb[s][0] = qb[s][1] = 0;
      if (g < heads) Pages::query(q + g * HEAD_SIZE, s, c, qb[s][0], qb[s][1]);
    }

    float o[STEPS][4];
    float top0 = -1e30f, top1 = -1e30f, sum0 = 0, sum1 = 0;
#pragma unroll
    for (int s = 0; s < STEPS; s++) o[s][0] = o[s][1] = o[s][2] = o[s][3] = 0;

#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) {
      u32 stage = (turn + i) % STAGES;
      if (i < pages) fetch<STAGE_BYTES>(source, i, stages + stage * STAGE_BYTES, barriers + stage * 8);
#if !BULK_COPY
      copy_commit();
#endif
    }
    for (int i = 0; i < pages; i++, turn++) {
      const u32 stage = turn % STAGES;
      const u32 ahead = (turn + STAGES - 1) % STAGES;
      if (i + STAGES - 1 < pages)
        fetch<STAGE_BYTES>(source, i + STAGES - 1, stages + ahead * STAGE_BYTES, barriers + ahead * 8);
#if BULK_COPY
      barrier_wait(barriers + stage * 8, (turn / STAGES) & 1);
#else
      copy_commit();
      copy_wait<STAGES - 1>();
      __syncthreads();
#endif
      const u32 page = stages + stage * STAGE_BYTES;
      u8* const here = shared + stage * STAGE_BYTES;
      if (i == pages - 1 && item.tokens % PAGE_TOKENS != 0) {
        Pages::clear(here, item.tokens % PAGE_TOKENS);
        __syncthreads();
      }

      float scores[4] = {0, 0, 0, 0};
      u32 a[2][4];
#pragma unroll
      for (int s = 0; s < STEPS; s += 2) {
        Pages::key_rows(a, page, warp * 16, s);
        multiply_add(scores, a[0], qb[s][0], qb[s][1]);
        multiply_add(scores, a[1], qb[s + 1][0], qb[s + 1][1]);
      }
      const int in_page = warp * 16 + g, token = i * PAGE_TOKENS + in_page;
      const float scale0 = work.scale * Pages::key_scale(here, in_page);
      const float scale1 = work.scale * Pages::key_scale(here, in_page + 8);
      float s0 = scores[0] * scale0, s1 = scores[1] * scale0;
      float s2 = scores[2] * scale1, s3 = scores[3] * scale1;
      if (token >= item.tokens) s0 = s1 = -1e30f;
      if (token + 8 >= item.tokens) s2 = s3 = -1e30f;

      float m0 = fmaxf(s0, s2), m1 = fmaxf(s1, s3);
#pragma unroll
      for (int d = 4; d < 32; d <<= 1) {
        m0 = fmaxf(m0, __shfl_xor_sync(FULL_WARP, m0, d));
        m1 = fmaxf(m1, __shfl_xor_sync(FULL_WARP, m1, d));
      }
      m0 = fmaxf(m0, top0);
      m1 = fmaxf(m1, top1);
      const float shrink0 = exp2_fast(top0 - m0), shrink1 = exp2_fast(top1 - m1);
      top0 = m0;
      top1 = m1;
      // A warp whose tokens are all masked keeps -1e30 as its top: its weights are 1, and count for
      // nothing once tops are compared.
      s0 = exp2_fast(s0 - m0);
      s1 = exp2_fast(s1 - m1);
      s2 = exp2_fast(s2 - m0);
      s3 = exp2_fast(s3 - m1);
      sum0 = sum0 * shrink0 + s0 + s2;
      sum1 = sum1 * shrink1 + s1 + s3;
      const float value0 = Pages::value_scale(here, in_page);
      const float value1 = Pages::value_scale(here, in_page + 8);
      const u32 p0 = transpose_matrix(bf16_pair(s0 * value0, s1 * value0));
      const u32 p1 = transpose_matrix(bf16_pair(s2 * value1, s3 * value1));
#pragma unroll
      for (int s = 0; s < STEPS; s += 2) {
        Pages::value_columns(a, page, warp * 16, s);
#pragma unroll
        for (int k = 0; k < 2; k++) {
          o[s + k][0] *= shrink0;
          o[s + k][1] *= shrink1;
          o[s + k][2] *= shrink0;
          o[s + k][3] *= shrink1;
          multiply_add(o[s + k], a[k], p0, p1);
        }
      }
      __syncthreads();
    }
#if !BULK_COPY
    copy_wait<0>();
    __syncthreads();
#endif

#pragma unroll
    for (int d = 4; d < 32; d <<= 1) {
      sum0 += __shfl_xor_sync(FULL_WARP, sum0, d);
      sum1 += __shfl_xor_sync(FULL_WARP, sum1, d);
    }
    if (g == 0) {
      tops[warp][c * 2][0] = top0;
      tops[warp][c * 2][1] = sum0;
      tops[warp][c * 2 + 1][0] = top1;
      tops[warp][c * 2 + 1][1] = sum1;
    }
    __syncthreads();
    float t0 = -1e30f, t1 = -1e30f, l0 = 0, l1 = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      t0 = fmaxf(t0, tops[i][c * 2][0]);
      t1 = fmaxf(t1, tops[i][c * 2 + 1][0]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      l0 += tops[i][c * 2][1] * exp2_fast(tops[i][c * 2][0] - t0);
      l1 += tops[i][c * 2 + 1][1] * exp2_fast(tops[i][c * 2 + 1][0] - t1);
    }
    const float f0 = exp2_fast(top0 - t0) / l0, f1 = exp2_fast(top1 - t1) / l1;

    float* merge = (float*)shared;  // (warp, head, MERGE_PITCH)
    float* mine = merge + warp * TILE_HEADS * MERGE_PITCH;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      const int low = Pages::element(s, g, 0), high = Pages::element(s, g, 1);
      mine[(c * 2) * MERGE_PITCH + low] = o[s][0] * f0;
      mine[(c * 2 + 1) * MERGE_PITCH + low] = o[s][1] * f1;
      mine[(c * 2) * MERGE_PITCH + high] = o[s][2] * f0;
      mine[(c * 2 + 1) * MERGE_PITCH + high] = o[s][3] * f1;
    }
    __syncthreads();
    float* partial =
        work.partial + ((u64)(item.slot < 0 ? 0 : item.slot) * units + unit) * TILE_HEADS * PARTIAL_FLOATS;
    u16* y = work.y + ((u64)item.row * work.kv_heads + kv_head) * work.group * HEAD_SIZE +
             (u64)first_head * HEAD_SIZE;
    for (int i = thread * 2; i < heads * HEAD_PITCH; i += DECODE_THREADS * 2) {
      int head = i / HEAD_PITCH, at = i % HEAD_PITCH;
      float x = 0, z = 0;
#pragma unroll
      for (int k = 0; k < 4; k++) {
        const float* from = merge + (k * TILE_HEADS + head) * MERGE_PITCH + at;
        x += from[0];
        z += from[1];
      }
      if (item.slot >= 0) {
        *(float2*)(partial + head * PARTIAL_FLOATS + at) = make_float2(x, z);
      } else if (at < HEAD_SIZE) {
        *(u32*)(y + head * HEAD_SIZE + at) = bf16_pair(x, z);
      }
    }
    if (item.slot >= 0 && warp == 0 && g == 0) {
      if (c * 2 < heads) {
        partial[(c * 2) * PARTIAL_FLOATS + HEAD_PITCH] = t0;
        partial[(c * 2) * PARTIAL_FLOATS + HEAD_PITCH + 1] = l0;
      }
      if (c * 2 + 1 < heads) {
        partial[(c * 2 + 1) * PARTIAL_FLOATS + HEAD_PITCH] = t1;
        partial[(c * 2 + 1) * PARTIAL_FLOATS + HEAD_PITCH + 1] = l1;
      }
    }
#if BULK_COPY
    copy_fence();
#endif
    __syncthreads();
  }
}
