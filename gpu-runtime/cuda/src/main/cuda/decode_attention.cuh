// Attention of one new token a sequence over its paged cache, on tensor cores.
//
// Work item: a chunk of one sequence, one kv head, at most 8 of its query heads. The heads are the
// narrow side of the products:
//   S^T (16 tokens x 8 heads) = K (16 x 16) Q^T (16 x 8), O^T (16 elements x 8 heads) += V^T P
//
// One warp fetches pages into a ring, item after item: while the others end one item, the first
// pages of the next are on their way. They share a page's tokens for the scores, which they exchange
// by shared memory, and the elements of its values for the sums: none has to be merged with another
// warp's. Nothing is fetched of a page beyond its last token.
//
// A sequence's sums depend on its own length alone: chunks start at fixed positions; the block that
// ends the last of them merges all in order.
//
// `Pages` says how keys and values are stored and become operands: pages.cuh, pages8.cuh.
#pragma once

// Warps that compute: each sums 32 elements of values.
#define DECODE_WARPS (HEAD_PITCH / 32)
#define DECODE_THREADS (HEAD_PITCH + 32)
#define WARP_TOKENS (PAGE_TOKENS / DECODE_WARPS)
#define TILE_HEADS 8
// A partial result: HEAD_PITCH means, the largest score, the sum of weights; in the first head of a
// sequence's first chunk then how many of its chunks have ended, zero between launches.
#define PARTIAL_FLOATS (HEAD_PITCH + 4)
#define PARTIAL_TOP HEAD_PITCH
#define PARTIAL_SUM (HEAD_PITCH + 1)
#define PARTIAL_ENDED (HEAD_PITCH + 2)
// floats, padded so that a warp's reads of pairs touch every bank once
#define SCORE_PITCH (PAGE_TOKENS + 8)

// 24 bytes
struct DecodeItem {
  int row;         // of the step
  int page;        // index of the chunk's first page among `pages`
  int tokens;      // 1 or more
  int slot;        // where the partial result goes, or -1: the item is the whole sequence
  int first_slot;  // of the sequence's first chunk
  int chunks;      // of the sequence
};

struct DecodeWork {
  const u16* qkv;     // (rows, kv_heads * (group + 2) * HEAD_SIZE), rotated
  const int* header;  // [0]: items
  const DecodeItem* items;
  const int* pages;  // page numbers of the sequences
  const u8* layer_pages;
  u64 page_stride;
  float* partial;  // (slots, kv_heads * head_tiles, TILE_HEADS, PARTIAL_FLOATS)
  u16* y;          // (rows, kv_heads * group * HEAD_SIZE)
  int kv_heads, group, head_tiles;
  float scale;  // of scores, times log2(e)
  int stages;   // of the ring
};

// Pages on their way from the warp that fetches to those that compute; each side has its own.
template <class Pages>
struct PageRing {
  u32 pages, barriers;  // addresses in shared memory
  int stages, stage;
  u32 phase;

  DEVICE u32 page() const { return pages + stage * Pages::BYTES; }
  DEVICE u32 filled() const { return barriers + stage * 16; }
  DEVICE u32 freed() const { return barriers + stage * 16 + 8; }
  DEVICE void next() {
    if (++stage == stages) {
      stage = 0;
      phase ^= 1;
    }
  }
};

// This block's item of a round, back and forth over the blocks: items come longest first, and no
// block gets the longest of every round.
DEVICE int item_index(int round) {
  const int block = round & 1 ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
  return round * gridDim.x + block;
}

// A warp's copy of the first tokens of a page; ends a phase of `filled`.
template <class Pages>
DEVICE void fetch(const u8* from, u32 to, int tokens, u32 filled) {
  const int lane = threadIdx.x & 31;
  const int bytes = tokens * Pages::TOKEN_BYTES;
#if BULK_COPY
  if (lane != 0) return;
  if (tokens == PAGE_TOKENS) {
    barrier_expect(filled, Pages::BYTES);
    copy_bulk(to, from, Pages::BYTES, filled);
    return;
  }
  barrier_expect(filled, 2 * bytes + Pages::SCALE_BYTES);
  copy_bulk(to, from, bytes, filled);
  copy_bulk(to + Pages::VALUES, from + Pages::VALUES, bytes, filled);
  if (Pages::SCALE_BYTES > 0)
    copy_bulk(to + 2 * Pages::VALUES, from + 2 * Pages::VALUES, Pages::SCALE_BYTES, filled);
#else
  for (int at = lane * 16; at < bytes; at += 32 * 16) {
    copy_async16(to + at, from + at);
    copy_async16(to + Pages::VALUES + at, from + Pages::VALUES + at);
  }
  for (int at = lane * 16; at < Pages::SCALE_BYTES; at += 32 * 16)
    copy_async16(to + 2 * Pages::VALUES + at, from + 2 * Pages::VALUES + at);
  copy_arrive(filled);
#endif
}

template <class Pages>
DEVICE void fetch_items(const DecodeWork& work, PageRing<Pages> ring) {
  const int lane = threadIdx.x & 31;
  const int units = work.kv_heads * work.head_tiles, count = work.header[0] * units;
  for (int round = 0; item_index(round) < count; round++) {
    const int index = item_index(round);
    const DecodeItem item = work.items[index / units];
    const u8* base = work.layer_pages + (u64)(index % units / work.head_tiles) * Pages::BYTES;
    const int pages = (item.tokens + PAGE_TOKENS - 1) / PAGE_TOKENS;
    for (int first = 0; first < pages; first += 32) {
      const int some = min(32, pages - first);
      const int number = lane < some ? work.pages[item.page + first + lane] : 0;
      for (int i = 0; i < some; i++) {
        const u8* from = base + (u64)__shfl_sync(FULL_WARP, number, i) * work.page_stride;
        const int tokens = min(PAGE_TOKENS, item.tokens - (first + i) * PAGE_TOKENS);
        barrier_wait(ring.freed(), ring.phase ^ 1);
        fetch<Pages>(from, ring.page(), tokens, ring.filled());
        ring.next();
      }
    }
  }
}

// The scores of 16 tokens of a page.
template <class Pages>
DEVICE void score(float (*scores)[SCORE_PITCH], u32 page, const u8* here, int token, float scale,
                  const u32 (*q)[2]) {
  const int lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
  float even[4] = {0, 0, 0, 0}, odd[4] = {0, 0, 0, 0};
  u32 a[2][4];
#pragma unroll
  for (int s = 0; s < STEPS; s += 2) {
    Pages::key_rows(a, page, token, s);
    multiply_add(even, a[0], q[s][0], q[s][1]);
    multiply_add(odd, a[1], q[s + 1][0], q[s + 1][1]);
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int at = token + g + half * 8;
    const float scale_here = scale * Pages::key_scale(here, at);
    scores[c * 2][at] = (even[half * 2] + odd[half * 2]) * scale_here;
    scores[c * 2 + 1][at] = (even[half * 2 + 1] + odd[half * 2 + 1]) * scale_here;
  }
}

// Merges the chunks of a sequence, whose partial results other blocks wrote.
DEVICE void merge_chunks(const DecodeItem& item, const float* partial, u64 step, int heads, u16* y) {
  const int warp = threadIdx.x >> 5, at = (threadIdx.x & 31) * 4;
  for (int head = warp; head < heads && at < HEAD_SIZE; head += DECODE_WARPS) {
    const float* p = partial + head * PARTIAL_FLOATS;
    float top = -1e30f, sum = 0;
    for (int k = 0; k < item.chunks; k++) top = fmaxf(top, __ldcg(p + k * step + PARTIAL_TOP));
    float4 x = make_float4(0, 0, 0, 0);
    for (int k = 0; k < item.chunks; k++) {
      const float* chunk = p + k * step;
      const float weight = __ldcg(chunk + PARTIAL_SUM) * exp2_fast(__ldcg(chunk + PARTIAL_TOP) - top);
      const float4 mean = __ldcg((const float4*)(chunk + at));
      sum += weight;
      x.x += weight * mean.x;
      x.y += weight * mean.y;
      x.z += weight * mean.z;
      x.w += weight * mean.w;
    }
    u32* to = (u32*)(y + head * HEAD_SIZE + at);
    to[0] = bf16_pair(x.x / sum, x.y / sum);
    to[1] = bf16_pair(x.z / sum, x.w / sum);
  }
}

template <class Pages>
DEVICE void attend_items(const DecodeWork& work, PageRing<Pages> ring, const u8* shared) {
  __shared__ float scores[2][TILE_HEADS][SCORE_PITCH];
  __shared__ int ended;
  const int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
  const int units = work.kv_heads * work.head_tiles, count = work.header[0] * units;
  int turn = 0;
  for (int round = 0; item_index(round) < count; round++) {
    const int index = item_index(round), unit = index % units;
    const DecodeItem item = work.items[index / units];
    const int kv_head = unit / work.head_tiles;
    const int first_head = unit % work.head_tiles * TILE_HEADS;
    const int heads = min(work.group - first_head, TILE_HEADS);
    const u16* q = work.qkv +
                   ((u64)item.row * work.kv_heads + kv_head) * (work.group + 2) * HEAD_SIZE +
                   (u64)first_head * HEAD_SIZE;
    u16* y = work.y + ((u64)item.row * work.kv_heads + kv_head) * work.group * HEAD_SIZE +
             (u64)first_head * HEAD_SIZE;

    u32 qb[STEPS][2];
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      qb[s][0] = qb[s][1] = 0;
      if (g < heads) Pages::query(q + g * HEAD_SIZE, s, c, qb[s][0], qb[s][1]);
    }

    float o[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};  // of heads 2 c and 2 c + 1
    float top = -1e30f, sum = 0;                   // of head g; the sum of this lane's weights
    for (int left = item.tokens; left > 0; left -= PAGE_TOKENS, turn ^= 1, ring.next()) {
      const u32 page = ring.page();
      const u8* here = shared + ring.stage * Pages::BYTES;
      barrier_wait(ring.filled(), ring.phase);
#pragma unroll
      for (int i = 0; i < WARP_TOKENS; i += 16) {
        const int token = warp * WARP_TOKENS + i;
        if (token < left) score<Pages>(scores[turn], page, here, token, work.scale, qb);
      }
      threads_sync<HEAD_PITCH>(1);

      // P in the order of a B operand: of head g the tokens 16 k + {2 c, 2 c + 1, 2 c + 8, 2 c + 9}
      float p[PAGE_TOKENS / 16][4], m = top;
#pragma unroll
      for (int k = 0; k < PAGE_TOKENS / 16; k++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          const int token = k * 16 + half * 8 + c * 2;
          float2 pair = make_float2(-1e30f, -1e30f);
          if (k * 16 < left) pair = *(const float2*)&scores[turn][g][token];
          p[k][half * 2] = token < left ? pair.x : -1e30f;
          p[k][half * 2 + 1] = token + 1 < left ? pair.y : -1e30f;
          m = fmaxf(m, fmaxf(p[k][half * 2], p[k][half * 2 + 1]));
        }
      }
      m = fmaxf(m, __shfl_xor_sync(FULL_WARP, m, 1));
      m = fmaxf(m, __shfl_xor_sync(FULL_WARP, m, 2));
      const float shrink = exp2_fast(top - m);
      top = m;
      sum *= shrink;
      const float shrink0 = __shfl_sync(FULL_WARP, shrink, c * 8);
      const float shrink1 = __shfl_sync(FULL_WARP, shrink, c * 8 + 4);
#pragma unroll
      for (int t = 0; t < 2; t++) {
        o[t][0] *= shrink0;
        o[t][1] *= shrink1;
        o[t][2] *= shrink0;
        o[t][3] *= shrink1;
      }
#pragma unroll
      for (int k = 0; k < PAGE_TOKENS / 16; k++) {
        if (k * 16 < left) {
          u32 b[2], a[2][4];
#pragma unroll
          for (int half = 0; half < 2; half++) {
            const int token = k * 16 + half * 8 + c * 2;
            const float p0 = exp2_fast(p[k][half * 2] - m), p1 = exp2_fast(p[k][half * 2 + 1] - m);
            sum += p0 + p1;
            b[half] = bf16_pair(Pages::weight(here, token, left, p0),
                                Pages::weight(here, token + 1, left, p1));
          }
          Pages::value_columns(a, page, k * 16, warp * 2);
          if (k * 16 + 16 > left) Pages::cut(a, left - k * 16);
          multiply_add(o[0], a[0], b[0], b[1]);
          multiply_add(o[1], a[1], b[0], b[1]);
        }
      }
      warp_sync();
      if (lane == 0) barrier_arrive(ring.freed());
    }

    sum += __shfl_xor_sync(FULL_WARP, sum, 1);
    sum += __shfl_xor_sync(FULL_WARP, sum, 2);
    const float over = 1.f / sum;
    const float over0 = __shfl_sync(FULL_WARP, over, c * 8);
    const float over1 = __shfl_sync(FULL_WARP, over, c * 8 + 4);
#pragma unroll
    for (int t = 0; t < 2; t++) {
      o[t][0] *= over0;
      o[t][1] *= over1;
      o[t][2] *= over0;
      o[t][3] *= over1;
    }
    if (item.slot < 0) {
#pragma unroll
      for (int t = 0; t < 2; t++) {
        const u32 low = transpose_matrix(bf16_pair(o[t][0], o[t][1]));
        const u32 high = transpose_matrix(bf16_pair(o[t][2], o[t][3]));
        if (g < heads) Pages::put_column(y + g * HEAD_SIZE, warp * 2 + t, c, low, high);
      }
      continue;
    }

    const u64 step = (u64)units * TILE_HEADS * PARTIAL_FLOATS;
    float* partial = work.partial + item.slot * step + (u64)unit * TILE_HEADS * PARTIAL_FLOATS;
    float* first = work.partial + item.first_slot * step + (u64)unit * TILE_HEADS * PARTIAL_FLOATS;
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < 4; i++)
        partial[(c * 2 + (i & 1)) * PARTIAL_FLOATS + Pages::element(warp * 2 + t, g, i >> 1)] =
            o[t][i];
    if (warp == 0 && c == 0) {
      partial[g * PARTIAL_FLOATS + PARTIAL_TOP] = top;
      partial[g * PARTIAL_FLOATS + PARTIAL_SUM] = sum;
    }
    fence_device();
    threads_sync<HEAD_PITCH>(1);
    if (threadIdx.x == 0) ended = atomicAdd((u32*)first + PARTIAL_ENDED, 1u) + 1;
    threads_sync<HEAD_PITCH>(1);
    if (ended == item.chunks) {
      fence_device();
      merge_chunks(item, first, step, heads, y);
      if (threadIdx.x == 0) ((u32*)first)[PARTIAL_ENDED] = 0;
    }
  }
}

// Block DECODE_THREADS. Dynamic shared memory: the stages, and 16 bytes for each.
template <class Pages>
DEVICE void decode(const DecodeWork& work) {
  DYNAMIC_SHARED(shared);
  PageRing<Pages> ring;
  ring.pages = shared_address(shared);
  ring.barriers = ring.pages + work.stages * Pages::BYTES;
  ring.stages = work.stages;
  ring.stage = ring.phase = 0;
  if (threadIdx.x == 0) {
    for (int i = 0; i < work.stages; i++) {
      barrier_init_many(ring.barriers + i * 16, BULK_COPY ? 1 : 32);
      barrier_init_many(ring.barriers + i * 16 + 8, DECODE_WARPS);
    }
    barrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x >= HEAD_PITCH)
    fetch_items<Pages>(work, ring);
  else
    attend_items<Pages>(work, ring, shared);
}
