// Attention of one new token a sequence over its paged cache, on tensor cores.
//
// Work item: a chunk of one sequence, one kv head, at most 8 of its query heads. The heads are the
// narrow side of the products:
//   S^T (16 tokens x 8 heads) = K (16 x 16) Q^T (16 x 8), O^T (16 elements x 8 heads) += V^T P
//
// A block is a few groups of warps with items of their own; or they share the pages of one item out,
// where there are no more items than blocks. In a group one warp fetches pages into a ring, item
// after item: while the others end one item, the first pages of the next are on their way. Nothing is
// fetched of a page beyond its last token. The others share a page's tokens for the scores, exchange
// their weights, and share the elements of its values for the sums: these need no merging.
//
// First pages are fetched while earlier kernels end, but for those that hold a sequence's last token,
// which these still write. That takes what holds of every step:
//   - Lists come by a copy ahead of the step's kernels, the first of which starts once that and all
//     work before it have ended; so every earlier step has ended when any kernel of this one starts.
//   - Of a sequence with one token in a step all tokens before it are of earlier steps, also where
//     other sequences share them: a page is found by others only after the step that filled it. So a
//     step writes no page of that sequence but the one that holds its last token.
//
// Weights are powers of scores less the largest of the item's first page, not of all so far: bf16 and
// the sums, float32, have room for larger ones, and nothing is scaled anew. Only where a score is 64
// powers of two above it do all warps start from another.
//
// Chunks are merged in order, by the group that ends the last of a sequence. The first may start from
// what prefix_attention.cuh left of tokens before it.
//
// `Pages` says how keys and values are stored and become operands: pages.cuh, pages8.cuh.
#pragma once

// Warps of a group that compute: each sums 32 elements of values.
#define DECODE_WARPS (HEAD_PITCH / 32)
#define GROUP_THREADS (HEAD_PITCH + 32)
#define GROUPS_MAX 3
// Shared memory of a group beside its pages.
#define GROUP_BYTES 7168
#define STAGES_MAX 16
// Pages that a block fetches before earlier kernels have ended, where no group has two items. The
// kernel ahead ends as late as what is fetched meanwhile: with 6 pages a block (H200, 32 sequences)
// it takes 6.5 us in place of 3, with these 4. Where there is more to do memory had better be busy.
#define EARLY_PAGES 3
#define WARP_TOKENS (PAGE_TOKENS / DECODE_WARPS)

// 32 bytes
struct alignas(16) DecodeItem {
  int row;         // of the step
  int page;        // index of the chunk's first page among `pages`
  int tokens;      // 1 or more
  int slot;        // where the partial result goes, or -1: the item is the whole sequence
  int first_slot;  // of the sequence's first chunk
  short chunks;    // of the sequence
  short prefix_chunks;  // partial results of prefix attention that the item starts from, or 0
  int page_number;      // of the first page: what `pages` says there
  int prefix_slot;      // of the first of those
};

struct DecodeWork {
  const u16* qkv;     // (rows, kv_heads * (group + 2) * HEAD_SIZE), rotated
  const int* header;  // [0]: items
  const DecodeItem* items;
  const int* pages;  // page numbers of the sequences
  const u8* layer_pages;
  u64 page_stride;
  float* partial;  // see partials.cuh
  u16* y;          // (rows, kv_heads * group * HEAD_SIZE)
  int kv_heads, group, head_tiles;
  float scale;    // of scores, times log2(e)
  int stages;     // of a group's ring
  int items_max;  // that can be read
};

// Pages on their way from the warp that fetches to those that compute; each side has its own.
template <class Pages>
struct PageRing {
  u32 pages, barriers;  // addresses in shared memory; of each stage two barriers
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

// A thread's group in the block, and its warp in the group.
DEVICE int group_index() { return threadIdx.x / GROUP_THREADS; }
DEVICE int group_warp() { return (threadIdx.x >> 5) % (DECODE_WARPS + 1); }

// A barrier of the group's warps that compute.
DEVICE void group_wait() { threads_sync<HEAD_PITCH>(1 + group_index()); }

// Which items a group works on, and which pages of them.
struct Share {
  int units, count;  // of an item, of all items
  int parts;         // of an item: the groups of a block, which share it, or 1

  DEVICE explicit Share(const DecodeWork& work) {
    units = work.kv_heads * work.head_tiles;
    count = work.header[0] * units;
    parts = count <= (int)gridDim.x ? blockDim.x / GROUP_THREADS : 1;
  }

  // The item of a round, back and forth over all groups: items come longest first, and no group gets
  // the longest of every round. Few items go to as many multiprocessors; there is one round of those
  // that are shared.
  DEVICE int index(int round) const {
    const int groups = gridDim.x * (blockDim.x / GROUP_THREADS);
    const int group = parts > 1 ? blockIdx.x : group_index() * gridDim.x + blockIdx.x;
    return round * groups + (round & 1 ? groups - 1 - group : group);
  }

  // The first item, or what lies there if there are fewer; looked up before their number is known.
  DEVICE DecodeItem first_item(const DecodeWork& work) const {
    const int last = work.items_max - 1;
    const DecodeItem own = work.items[min((group_index() * gridDim.x + blockIdx.x) / units, last)];
    const DecodeItem shared = work.items[min(blockIdx.x / units, last)];
    return parts > 1 ? shared : own;
  }

  // The group's pages of an item of so many: from one, to before the other.
  DEVICE int begin(int pages) const { return parts > 1 ? pages * group_index() / parts : 0; }
  DEVICE int end(int pages) const {
    return parts > 1 ? pages * (group_index() + 1) / parts : pages;
  }
};

DEVICE int pages_of(int tokens) { return (tokens + PAGE_TOKENS - 1) / PAGE_TOKENS; }

// Whether an item's last token is its sequence's.
DEVICE bool ends_sequence(const DecodeItem& item) {
  return item.slot - item.first_slot == item.chunks - 1;
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
    copy_bulk_once(to, from, Pages::BYTES, filled);
    return;
  }
  barrier_expect(filled, 2 * bytes + Pages::SCALE_BYTES);
  copy_bulk_once(to, from, bytes, filled);
  copy_bulk_once(to + Pages::VALUES, from + Pages::VALUES, bytes, filled);
  if (Pages::SCALE_BYTES > 0)
    copy_bulk_once(to + 2 * Pages::VALUES, from + 2 * Pages::VALUES, Pages::SCALE_BYTES, filled);
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
  const PageRing<Pages> empty = ring;
  // Of the stage of a lane's number: what goes there once earlier kernels have ended, if anything.
  const u8* late = 0;
  int late_tokens = 0;
  int ahead = ring.stages;  // still to be filled for the first time
  const auto fetch_late = [&] {
    await_earlier();
    PageRing<Pages> stage = empty;
    for (int i = 0; i < ring.stages; i++, stage.next()) {
      const int tokens = __shfl_sync(FULL_WARP, late_tokens, i);
      const u64 from = __shfl_sync(FULL_WARP, (u64)late, i);
      if (tokens > 0) fetch<Pages>((const u8*)from, stage.page(), tokens, stage.filled());
    }
  };

  const Share share(work);
  const int groups = blockDim.x / GROUP_THREADS;
  const int early_pages =
      share.count <= groups * (int)gridDim.x ? EARLY_PAGES : groups * STAGES_MAX;
  DecodeItem item = share.first_item(work);
  for (int round = 0; share.index(round) < share.count;) {
    const u8* base = work.layer_pages +
                     (u64)(share.index(round) % share.units / work.head_tiles) * Pages::BYTES;
    const DecodeItem here = item;
    if (share.index(++round) < share.count) item = work.items[share.index(round) / share.units];
    const int pages = pages_of(here.tokens), end = share.end(pages);
    for (int first = share.begin(pages); first < end; first += 32) {
      const int some = min(32, end - first);
      const int number = lane < some ? work.pages[here.page + first + lane] : 0;
      for (int i = 0; i < some; i++) {
        const int page = first + i == 0 ? here.page_number : __shfl_sync(FULL_WARP, number, i);
        const u8* from = base + (u64)page * work.page_stride;
        const int tokens = min(PAGE_TOKENS, here.tokens - (first + i) * PAGE_TOKENS);
        const bool written = first + i == pages - 1 && ends_sequence(here);
        const bool early = !written && ring.stage * groups + group_index() < early_pages;
        if (ahead == 0) barrier_wait(ring.freed(), ring.phase ^ 1);
        if (ahead == 0 || early) {
          fetch<Pages>(from, ring.page(), tokens, ring.filled());
        } else if (lane == ring.stage) {
          late = from;
          late_tokens = tokens;
        }
        ring.next();
        if (ahead > 0 && --ahead == 0) fetch_late();
      }
    }
  }
  if (ahead > 0) fetch_late();
}

// What the warps of a group tell each other.
struct DecodeShared {
  u64 barriers[STAGES_MAX][2];
  uint2 weights[2][PAGE_TOKENS / 16][32];  // of 16 tokens: a B operand, by lane
  float2 tops[DECODE_WARPS][4], sums[DECODE_WARPS][4];  // of heads 2 c and 2 c + 1
  int ended;
  // This group's part of an item that groups share.
  float4 part[2][HEAD_PITCH];  // of a thread: 16 elements' sums of heads 2 c and 2 c + 1
  float2 part_tops[4];
  u64 handed;  // barrier: all parts are there; the first group's
};
static_assert(sizeof(DecodeShared) <= GROUP_BYTES, "GROUP_BYTES");

// What prefix attention left of an item: what a thread's sums start from.
template <class Pages>
struct PrefixSums {
  float top[2], sum[2], o[8];  // of heads 2 c and 2 c + 1

  DEVICE void clear() {
    top[0] = top[1] = -1e30f;
    sum[0] = sum[1] = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) o[i] = 0;
  }

  // Adds a unit's partial result, of which so many are heads.
  DEVICE void add(const float* partial, int heads) {
    const int lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      if (c * 2 + h >= heads) {
        top[h] = 0;  // all its scores are
        continue;
      }
      const float* from = partial + (c * 2 + h) * PARTIAL_FLOATS;
      const float more_top = __ldcg(from + PARTIAL_TOP), more_sum = __ldcg(from + PARTIAL_SUM);
      float more[4];
#pragma unroll
      for (int i = 0; i < 4; i++)
        more[i] = __ldcg(from + Pages::element(group_warp() * 2 + (i >> 1), g, i & 1));
      const float above = fmaxf(top[h], more_top);
      const float shrink = exp2_fast(top[h] - above), weight = exp2_fast(more_top - above);
      top[h] = above;
      sum[h] = sum[h] * shrink + more_sum * weight;
#pragma unroll
      for (int i = 0; i < 4; i++) o[i * 2 + h] = o[i * 2 + h] * shrink + more[i] * weight;
    }
  }
};

// A warp's part of an item: scores of its tokens, sums of its elements, of heads 2 c and 2 c + 1.
template <class Pages>
struct DecodeState {
  u32 q[STEPS][2];
  float s[WARP_TOKENS / 16][4];  // scores of tokens g and g + 8 of every 16
  float o[2][2][4];              // of 16 elements each, of even and odd 16 tokens of a page
  float top0, top1;              // weights are powers of scores less these
  float sum0, sum1;              // of this lane's tokens

  DEVICE void load_queries(const DecodeWork& work, const DecodeItem& item, int unit) {
    const int lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
    const int kv_head = unit / work.head_tiles, head = unit % work.head_tiles * TILE_HEADS + g;
    const u64 group = (u64)item.row * work.kv_heads + kv_head;
    const u16* from = work.qkv + (group * (work.group + 2) + head) * HEAD_SIZE;
#pragma unroll
    for (int i = 0; i < STEPS; i++) {
      q[i][0] = q[i][1] = 0;
      if (head < work.group) Pages::query(from, i, c, q[i][0], q[i][1]);
    }
  }

  // Goes on from the sums of prefix attention, or from none.
  DEVICE void start(const PrefixSums<Pages>& sums) {
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < 4; i++) o[t][1][i] = 0;
#pragma unroll
    for (int i = 0; i < 8; i++) o[i >> 2][0][i & 3] = sums.o[i];
    top0 = sums.top[0];
    top1 = sums.top[1];
    const bool mine = group_warp() == 0 && (threadIdx.x & 31) < 4;  // as if of these lanes' tokens
    sum0 = mine ? sums.sum[0] : 0.f;
    sum1 = mine ? sums.sum[1] : 0.f;
  }

  // Scores of this warp's tokens of a page, of which `left` are there.
  DEVICE void score(u32 page, const u8* here, int left, float scale) {
    const int warp = group_warp(), g = (threadIdx.x & 31) >> 2;
#pragma unroll
    for (int i = 0; i < WARP_TOKENS / 16; i++) {
      const int first = warp * WARP_TOKENS + i * 16;
      u32 keys[STEPS / 2][Pages::LOADED];
#pragma unroll
      for (int k = 0; k < STEPS / 2; k++) Pages::load_keys(keys[k], page, first, k * 2);
      float parts[4][4];  // sums that do not wait for each other
#pragma unroll
      for (int k = 0; k < 4; k++) parts[k][0] = parts[k][1] = parts[k][2] = parts[k][3] = 0;
#pragma unroll
      for (int k = 0; k < STEPS / 2; k++) {
        u32 a[2][4];
        Pages::key_rows(a, keys[k]);
        multiply_add(parts[k * 2 & 3], a[0], q[k * 2][0], q[k * 2][1]);
        multiply_add(parts[(k * 2 + 1) & 3], a[1], q[k * 2 + 1][0], q[k * 2 + 1][1]);
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const int token = first + g + (j >> 1) * 8;
        const float x = (parts[0][j] + parts[1][j]) + (parts[2][j] + parts[3][j]);
        s[i][j] = token < left ? x * (scale * Pages::key_scale(here, token)) : -1e30f;
      }
    }
  }

  // Whether a score is so far above what the powers start from that they might overflow in the end.
  DEVICE bool towers() const {
    bool above = false;
#pragma unroll
    for (int i = 0; i < WARP_TOKENS / 16; i++)
      above |= fmaxf(s[i][0], s[i][2]) > top0 + 64.f || fmaxf(s[i][1], s[i][3]) > top1 + 64.f;
    return above;
  }

  // Lets powers start from the largest score so far, of all warps.
  DEVICE void raise(DecodeShared& shared) {
    const int warp = group_warp(), lane = threadIdx.x & 31, c = lane & 3;
    float m0 = top0, m1 = top1;
#pragma unroll
    for (int i = 0; i < WARP_TOKENS / 16; i++) {
      m0 = fmaxf(m0, fmaxf(s[i][0], s[i][2]));
      m1 = fmaxf(m1, fmaxf(s[i][1], s[i][3]));
    }
#pragma unroll
    for (int d = 4; d < 32; d <<= 1) {
      m0 = fmaxf(m0, __shfl_xor_sync(FULL_WARP, m0, d));
      m1 = fmaxf(m1, __shfl_xor_sync(FULL_WARP, m1, d));
    }
    if (lane < 4) shared.tops[warp][c] = make_float2(m0, m1);
    group_wait();
#pragma unroll
    for (int i = 0; i < DECODE_WARPS; i++) {
      m0 = fmaxf(m0, shared.tops[i][c].x);
      m1 = fmaxf(m1, shared.tops[i][c].y);
    }
    const float shrink0 = exp2_fast(top0 - m0), shrink1 = exp2_fast(top1 - m1);
    top0 = m0;
    top1 = m1;
    sum0 *= shrink0;
    sum1 *= shrink1;
    scale_sums(shrink0, shrink1);
  }

  DEVICE void scale_sums(float scale0, float scale1) {
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        o[t][0][i] *= i & 1 ? scale1 : scale0;
        o[t][1][i] *= i & 1 ? scale1 : scale0;
      }
  }

  // Hands the weights of this warp's tokens to all. `more0` and `more1`: their sums.
  DEVICE void weigh(uint2 (*weights)[32], const u8* here, int left, float& more0, float& more1) const {
    const int warp = group_warp(), lane = threadIdx.x & 31, g = lane >> 2;
    more0 = more1 = 0;
#pragma unroll
    for (int i = 0; i < WARP_TOKENS / 16; i++) {
      const int token = warp * WARP_TOKENS + i * 16 + g;
      const float p0 = exp2_fast(s[i][0] - top0), p1 = exp2_fast(s[i][1] - top1);
      const float p2 = exp2_fast(s[i][2] - top0), p3 = exp2_fast(s[i][3] - top1);
      const float value0 = token < left ? Pages::value_scale(here, token) : 0.f;
      const float value1 = token + 8 < left ? Pages::value_scale(here, token + 8) : 0.f;
      uint2 pair;
      pair.x = bf16_pair(p0 * value0, p1 * value0);
      pair.y = bf16_pair(p2 * value1, p3 * value1);
      if constexpr (Pages::SCALE_BYTES == 0) {  // as they are rounded: what is large then cancels out
        more0 += bf16_low(pair.x) + bf16_low(pair.y);
        more1 += bf16_high(pair.x) + bf16_high(pair.y);
      } else {
        more0 += p0 + p2;
        more1 += p1 + p3;
      }
      pair.x = transpose_matrix(pair.x);
      pair.y = transpose_matrix(pair.y);
      weights[warp * (WARP_TOKENS / 16) + i][lane] = pair;
    }
  }

  // A page's part of the item.
  DEVICE void add(DecodeShared& shared, int turn, u32 page, const u8* here, int left, bool first,
                  float scale) {
    const int warp = group_warp(), lane = threadIdx.x & 31;
    score(page, here, left, scale);
    u32 values[PAGE_TOKENS / 16][Pages::LOADED];
#pragma unroll
    for (int k = 0; k < PAGE_TOKENS / 16; k++) Pages::load_values(values[k], page, k * 16, warp * 2);

    uint2(*weights)[32] = shared.weights[turn];
    float more0, more1;
    bool again = first;
    if (!first) {
      weigh(weights, here, left, more0, more1);
      again = threads_or<HEAD_PITCH>(1 + group_index(), towers());
    }
    if (again) {
      raise(shared);
      weigh(weights, here, left, more0, more1);
      group_wait();
    }
    sum0 += more0;
    sum1 += more1;
#pragma unroll
    for (int k = 0; k < PAGE_TOKENS / 16; k++) {
      const uint2 b = weights[k][lane];
      u32 a[2][4];
      Pages::value_columns(a, values[k]);
      if (left < PAGE_TOKENS) Pages::cut(a, left - k * 16);
      multiply_add(o[0][k & 1], a[0], b.x, b.y);
      multiply_add(o[1][k & 1], a[1], b.x, b.y);
    }
  }

  // This warp's sums, which are in o[t][0] from then on; sum0 and sum1 of its tokens.
  DEVICE void gather() {
#pragma unroll
    for (int d = 4; d < 32; d <<= 1) {
      sum0 += __shfl_xor_sync(FULL_WARP, sum0, d);
      sum1 += __shfl_xor_sync(FULL_WARP, sum1, d);
    }
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < 4; i++) o[t][0][i] += o[t][1][i];
  }

  // Means in place of sums; sum0 and sum1 of all tokens.
  DEVICE void divide(DecodeShared& shared) {
    const int warp = group_warp(), lane = threadIdx.x & 31, c = lane & 3;
    gather();
    if (lane < 4) shared.sums[warp][c] = make_float2(sum0, sum1);
    group_wait();
    sum0 = sum1 = 0;
    add_sums(shared, 1.f, 1.f);
    scale_sums(1.f / sum0, 1.f / sum1);
  }

  DEVICE void add_sums(const DecodeShared& group, float scale0, float scale1) {
    const int c = threadIdx.x & 3;
    float more0 = 0, more1 = 0;
#pragma unroll
    for (int i = 0; i < DECODE_WARPS; i++) {
      more0 += group.sums[i][c].x;
      more1 += group.sums[i][c].y;
    }
    sum0 += more0 * scale0;
    sum1 += more1 * scale1;
  }

  // The same of an item that a block's groups share, for the first group; `bytes` from one's shared
  // memory to the next's.
  DEVICE void join(DecodeShared& shared, int bytes) {
    const int warp = group_warp(), lane = threadIdx.x & 31, c = lane & 3;
    const int thread = threadIdx.x % GROUP_THREADS, groups = blockDim.x / GROUP_THREADS;
    DecodeShared& first = shared_of(shared, -group_index(), bytes);
    gather();
    if (lane < 4) {
      shared.sums[warp][c] = make_float2(sum0, sum1);
      if (warp == 0) shared.part_tops[c] = make_float2(top0, top1);
    }
    if (group_index() > 0) {
#pragma unroll
      for (int t = 0; t < 2; t++)
        shared.part[t][thread] = make_float4(o[t][0][0], o[t][0][1], o[t][0][2], o[t][0][3]);
    }
    barrier_arrive(shared_address(&first.handed));
    if (group_index() > 0) return;

    barrier_wait(shared_address(&first.handed), 0);
    const float own0 = top0, own1 = top1;
    for (int i = 1; i < groups; i++) {
      const DecodeShared& other = shared_of(shared, i, bytes);
      top0 = fmaxf(top0, other.part_tops[c].x);
      top1 = fmaxf(top1, other.part_tops[c].y);
    }
    scale_sums(exp2_fast(own0 - top0), exp2_fast(own1 - top1));
    sum0 = sum1 = 0;
    for (int i = 0; i < groups; i++) {
      const DecodeShared& other = shared_of(shared, i, bytes);
      const float scale0 = exp2_fast(other.part_tops[c].x - top0);
      const float scale1 = exp2_fast(other.part_tops[c].y - top1);
      add_sums(other, scale0, scale1);
#pragma unroll
      for (int t = 0; t < 2 && i > 0; t++) {
        const float4 part = other.part[t][thread];
        o[t][0][0] += part.x * scale0;
        o[t][0][1] += part.y * scale1;
        o[t][0][2] += part.z * scale0;
        o[t][0][3] += part.w * scale1;
      }
    }
    scale_sums(1.f / sum0, 1.f / sum1);
  }

  static DEVICE DecodeShared& shared_of(DecodeShared& mine, int groups_on, int bytes) {
    return *(DecodeShared*)((u8*)&mine + groups_on * bytes);
  }

  DEVICE void put(u16* y, int heads) const {
    const int warp = group_warp(), lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
#pragma unroll
    for (int t = 0; t < 2; t++) {
      const u32 low = transpose_matrix(bf16_pair(o[t][0][0], o[t][0][1]));
      const u32 high = transpose_matrix(bf16_pair(o[t][0][2], o[t][0][3]));
      if (g < heads) Pages::put_column(y + g * HEAD_SIZE, warp * 2 + t, c, low, high);
    }
  }

  DEVICE void put_partial(float* partial) const {
    const int warp = group_warp(), lane = threadIdx.x & 31, g = lane >> 2, c = lane & 3;
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < 4; i++)
        partial[(c * 2 + (i & 1)) * PARTIAL_FLOATS + Pages::element(warp * 2 + t, g, i >> 1)] =
            o[t][0][i];
    if (warp == 0 && g == 0) {
      partial[c * 2 * PARTIAL_FLOATS + PARTIAL_TOP] = top0;
      partial[c * 2 * PARTIAL_FLOATS + PARTIAL_SUM] = sum0;
      partial[(c * 2 + 1) * PARTIAL_FLOATS + PARTIAL_TOP] = top1;
      partial[(c * 2 + 1) * PARTIAL_FLOATS + PARTIAL_SUM] = sum1;
    }
  }
};

// Merges the chunks of a sequence, whose partial results other groups wrote.
DEVICE void merge_chunks(const DecodeItem& item, const float* partial, u64 step, int heads, u16* y) {
  const int warp = group_warp(), at = (threadIdx.x & 31) * 4;
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
DEVICE void attend_items(const DecodeWork& work, PageRing<Pages> ring, const u8* stages,
                         DecodeShared& shared, int bytes) {
  const Share share(work);
  const int units = share.units;
  const bool leads = group_warp() == 0 && (threadIdx.x & 31) == 0;
  const auto heads_of = [&](int unit) {
    return min(work.group - unit % work.head_tiles * TILE_HEADS, TILE_HEADS);
  };
  const auto partial_of = [&](int slot, int unit) {
    return work.partial + ((u64)slot * units + unit) * TILE_HEADS * PARTIAL_FLOATS;
  };
  int index = share.index(0), turn = 0;
  const DecodeItem first_item = share.first_item(work);
  await_earlier();
  if (index >= share.count) return;
  DecodeState<Pages> state;
  PrefixSums<Pages> prefix;
  int fresh_page;  // the one that weights are made relative to, or -1: they are to the prefix
  const auto load = [&](const DecodeItem& of, int at) {
    const int unit = at % units, pages = pages_of(of.tokens);
    state.load_queries(work, of, unit);
    prefix.clear();
    fresh_page = share.begin(pages);
    if (of.prefix_chunks == 0 || fresh_page > 0 || share.end(pages) == 0) return;
    fresh_page = -1;
    for (int k = 0; k < of.prefix_chunks; k++)
      prefix.add(partial_of(of.prefix_slot + k, unit), heads_of(unit));
  };
  load(first_item, index);
  int tokens = first_item.tokens;
  for (int round = 1;; round++) {
    const int pages = pages_of(tokens), begin = share.begin(pages), end = share.end(pages);
    state.start(prefix);
    for (int page = begin; page < end; page++, turn ^= 1, ring.next()) {
      barrier_wait(ring.filled(), ring.phase);
      state.add(shared, turn, ring.page(), stages + ring.stage * Pages::BYTES,
                tokens - page * PAGE_TOKENS, page == fresh_page, work.scale);
      barrier_arrive(ring.freed());
    }
    // Of items, which the warp that fetches has looked up before, nothing is kept meanwhile. What the
    // next one starts from is on its way before this one's results are out.
    const DecodeItem item = work.items[index / units];
    const int next_index = share.index(round);
    if (next_index < share.count) {
      const DecodeItem next = work.items[next_index / units];
      load(next, next_index);
      tokens = next.tokens;
    }
    if (share.parts > 1) {
      state.join(shared, bytes);
      if (group_index() > 0) return;
    } else {
      state.divide(shared);
    }

    const int unit = index % units, kv_head = unit / work.head_tiles, heads = heads_of(unit);
    const int first_head = unit % work.head_tiles * TILE_HEADS;
    u16* y = work.y + ((u64)item.row * work.kv_heads + kv_head) * work.group * HEAD_SIZE +
             (u64)first_head * HEAD_SIZE;
    if (item.slot < 0) {
      state.put(y, heads);
    } else {
      const u64 step = (u64)units * TILE_HEADS * PARTIAL_FLOATS;
      float* first = partial_of(item.first_slot, unit);
      state.put_partial(partial_of(item.slot, unit));
      group_wait();
      if (leads) {
        fence_device();
        shared.ended = atomicAdd((u32*)first + PARTIAL_ENDED, 1u) + 1;
        fence_device();
      }
      group_wait();
      if (shared.ended == item.chunks) {
        merge_chunks(item, first, step, heads, y);
        if (leads) ((u32*)first)[PARTIAL_ENDED] = 0;
      }
    }
    if (next_index >= share.count) return;
    index = next_index;
  }
}

// Block: a multiple of GROUP_THREADS. Dynamic shared memory: of every group the pages of its stages,
// then GROUP_BYTES.
template <class Pages>
DEVICE void decode(const DecodeWork& work) {
  DYNAMIC_SHARED(memory);
  const int bytes = work.stages * Pages::BYTES + GROUP_BYTES;
  u8* stages = memory + group_index() * bytes;
  DecodeShared& shared = *(DecodeShared*)(stages + work.stages * Pages::BYTES);
  PageRing<Pages> ring;
  ring.pages = shared_address(stages);
  ring.barriers = shared_address(shared.barriers);
  ring.stages = work.stages;
  ring.stage = ring.phase = 0;
  if (threadIdx.x % GROUP_THREADS == 0) {
    for (int i = 0; i < work.stages; i++) {
      barrier_init_many(ring.barriers + i * 16, BULK_COPY ? 1 : 32);
      barrier_init_many(ring.barriers + i * 16 + 8, HEAD_PITCH);
    }
    if (threadIdx.x == 0)
      barrier_init_many(shared_address(&shared.handed), blockDim.x / GROUP_THREADS * HEAD_PITCH);
    barrier_init_fence();
  }
  __syncthreads();
  if (group_warp() == DECODE_WARPS)
    fetch_items<Pages>(work, ring);
  else
    attend_items<Pages>(work, ring, stages, shared, bytes);
}
