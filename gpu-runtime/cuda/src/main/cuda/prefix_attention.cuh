// Attention of one new token a sequence to pages that several sequences begin with: each page is read
// once for all of them. Decode attention goes on from the partial results, over what is behind.
//
// A tile is 128 rows of (sequence, query head of one kv head), sequences outermost, and some of the
// pages they share, all of whose tokens are before every query. Blocks, one a multiprocessor, take
// tiles as they come to them, so that a recording serves every number of tiles; the first page of the
// next is on its way while one ends. Pages come before earlier kernels have ended: earlier steps wrote
// them, see decode_attention.cuh.
#pragma once

// 32 bytes
struct PrefixTile {
  int member;  // index of the first of the sequences that share the pages, among `members`
  int start;   // first tile row, counted in (sequence, head) rows
  int end;     // sequences * group
  int page;    // index of the first page among `pages`
  int count;   // of pages, 1 or more
  int chunk;   // which part of the shared pages this is: results go to that slot of a sequence
  int pad0, pad1;
};

struct PrefixMember {
  int row;   // of the step
  int slot;  // of the first partial result
};

struct PrefixWork {
  const u16* qkv;     // (rows, kv_heads * (group + 2) * HEAD_SIZE), rotated
  const int* header;  // [1]: tiles
  const PrefixTile* tiles;
  const PrefixMember* members;
  const int* pages;
  const u8* layer_pages;
  u64 page_stride;
  float* partial;  // see partials.cuh; sums in place of means
  int kv_heads, group, head_tiles;
  float scale;  // of scores, times log2(e)
};

// A row of a tile: a sequence's query head.
struct PrefixRow {
  const u16* query;
  float* partial;

  DEVICE PrefixRow(const PrefixWork& work, const PrefixTile& tile, int kv_head, int row) {
    row = min(row, tile.end - 1);  // what lies beyond is computed and dropped
    const PrefixMember member = work.members[tile.member + row / work.group];
    const int head = row % work.group;
    const u64 group = (u64)member.row * work.kv_heads + kv_head;
    query = work.qkv + (group * (work.group + 2) + head) * HEAD_SIZE;
    const u64 unit = ((u64)(member.slot + tile.chunk) * work.kv_heads + kv_head) * work.head_tiles;
    partial = work.partial + (unit * TILE_HEADS + head) * PARTIAL_FLOATS;
  }
};

// A row's partial result by the four threads that have it, from values at + {0, 1} of each of `o`.
DEVICE void put_sums(float* partial, const float (*o)[4], int at, float top, float sum) {
  const int c = threadIdx.x & 3;
#pragma unroll
  for (int n = 0; n < 2 * STEPS; n++)
    *(float2*)(partial + n * 8 + c * 2) = make_float2(o[n][at], o[n][at + 1]);
  if (c == 0) *(float2*)(partial + PARTIAL_TOP) = make_float2(top, sum);
}

// Dynamic shared memory: two stages and what is widened.
template <class Pages>
DEVICE void attend_prefixes(const PrefixWork& work) {
  constexpr int STAGE_BYTES = Pages::BYTES;
  DYNAMIC_SHARED(shared);
  const u32 stages = shared_address(shared);
  const int warp = threadIdx.x >> 5, g = (threadIdx.x & 31) >> 2;
  const int count = work.header[1] * work.kv_heads;
  const auto copy = [&](const PrefixTile& tile, int index, int page, int stage) {
    const u8* base = work.layer_pages + (u64)(index % work.kv_heads) * STAGE_BYTES;
    copy_page<STAGE_BYTES, PREFILL_THREADS>(
        base + (u64)work.pages[tile.page + page] * work.page_stride, stages + stage * STAGE_BYTES);
  };

  // Tiles taken beyond each block's first; zero between launches.
  u32* const taken = (u32*)work.partial + PARTIAL_TAKEN;
  __shared__ int following[2];  // index of the next tile, of even and odd ones that a block takes

  int index = blockIdx.x, stage = 0;
  PrefixTile tile;
  if (index < count) {
    tile = work.tiles[index / work.kv_heads];
    copy(tile, index, 0, 0);
    copy_commit();
  }
  await_earlier();
  for (int turn = 0; index < count; turn ^= 1) {
    if (threadIdx.x == 0) {
      const u32 more = atomicAdd(taken, 1u);
      following[turn] = gridDim.x + more;
      if (more == count - 1) *taken = 0;  // each tile has asked once
    }
    const int first_row = tile.start + warp * 16;
    const bool works = first_row < tile.end;  // the whole warp
    const PrefixRow row0(work, tile, index % work.kv_heads, first_row + g);
    const PrefixRow row1(work, tile, index % work.kv_heads, first_row + g + 8);
    TileSums<Pages> sums;
    sums.load_queries(row0.query, row1.query);
    sums.clear();
    const PrefixTile here = tile;
    int next = 0;
    for (int page = 0; page < here.count; page++, stage ^= 1) {
      copy_wait<0>();
      __syncthreads();
      if (page == 0) {
        next = following[turn];
        if (next < count) tile = work.tiles[next / work.kv_heads];
      }
      if (page + 1 < here.count) {
        copy(here, index, page + 1, stage ^ 1);
      } else if (next < count) {
        copy(tile, next, 0, stage ^ 1);
      }
      copy_commit();
      u32 operands = stages + stage * STAGE_BYTES;
      u8* const stored = shared + stage * STAGE_BYTES;
      if constexpr (Pages::WIDENED_BYTES > 0) {
        operands = stages + 2 * STAGE_BYTES;
        Pages::widen(stored, shared + 2 * STAGE_BYTES);
        __syncthreads();
      }
      if (works) {
        float p[8][4];
        sums.score(p, operands, stored);
        sums.add(p, operands, stored, work.scale);
      }
    }

    if (works) {
      sums.gather();
      if (first_row + g < here.end)
        put_sums(row0.partial, sums.o, 0, sums.top0 * work.scale, sums.sum0);
      if (first_row + g + 8 < here.end)
        put_sums(row1.partial, sums.o, 2, sums.top1 * work.scale, sums.sum1);
    }
    index = next;
  }
}
