// Products of few tokens with int4 weights: what a group of warps does.
#pragma once

#include "w4.cuh"

// Where a thread's row r is in a tile.
DEVICE u32 row_of(int thread) {
  return 4096 + ((thread >> 5) * 16 + ((thread & 31) >> 2)) * 4;
}

#if WGMMA
// The same number, which the compiler then keeps: it does not make it anew at each use.
DEVICE u32 in_register(u32 x) {
  asm volatile("" : "+r"(x));
  return x;
}

// Threads that kernels of few tokens are compiled for. They use fewer registers than that would leave
// them: blocks of the small kernels between products find room beside this one, and this one beside
// those of attention, so that weights come while those run.
#define FEW_THREADS 384

// Two groups of four warps, two rows of tiles each. One warp more brings the units: whoever multiplies
// has no time to.
template <int TOKENS>
using FewRing = Ring<TOKENS, 2, 2, true>;

// What a kernel of few tokens begins with, all its threads.
template <int TOKENS>
DEVICE FewRing<TOKENS> begin_few(int stages) {
  DYNAMIC_SHARED(shared);
  FewRing<TOKENS> ring = {shared, stages, 0, 0};
  let_next_start();
  ring.start();
  return ring;
}

// A group's product with two rows of tiles, unit after unit. A tile is taken in quarters of 32 inputs:
// while the tensor cores work on one tile's, the weights of the other's are made.
template <class R>
struct FewMultiplier {
  static const int LENGTH = R::TOKENS / 2;

  u32 ring, end;  // addresses in shared memory
  u32 part;       // the thread's 16 bytes of its first tile, from the start of a stage
  u32 row;        // the word of its row r
  const int f16_scales;
  u32 at;                // the stage of the unit to come
  u32 phase;             // of that stage
  float sum[2][LENGTH];  // all / WEIGHT_PARTS
  float product[2][LENGTH];
  u32 weights[2][2][2][4];
  u32 words[2][4];  // of the half that the quarter to come is in
  u32 rows[2][2];   // scales and zeros of rows r and r + 8 of the unit to come
  u32 zero[2][2];

  DEVICE FewMultiplier(const R& r, int group, int thread, int f16) : f16_scales(f16), phase(0) {
    at = ring = in_register(shared_address(r.bytes()));
    end = in_register(ring + r.stages * R::STAGE_BYTES);
    part = in_register(R::X_BYTES + group * 2 * TILE_BYTES + thread * 16);
    row = in_register(R::X_BYTES + group * 2 * TILE_BYTES + row_of(thread));
  }

  // All 16 bytes: of 8 at a time, threads would find only half of the banks.
  template <int TILE, int HALF>
  DEVICE void load() {
    load_shared(words[TILE], part + at + TILE * TILE_BYTES + HALF * 2048);
  }

  // Makes the weights of a quarter, fetches the words of the next half of the unit.
  template <int TILE, int QUARTER>
  DEVICE void prepare() {
    u32(&a)[2][4] = weights[TILE][QUARTER & 1];
#pragma unroll
    for (int i = 0; i < 2; i++) make_weights(words[TILE][(QUARTER & 1) * 2 + i], zero[TILE], a[i]);
    if (QUARTER == 1) load<TILE, 1>();
  }

  // Begins with a tile of the unit, once it is there.
  template <int TILE>
  DEVICE void prepare_tile() {
    load<TILE, 0>();
#pragma unroll
    for (int i = 0; i < 2; i++) {
      rows[TILE][i] = load_shared(row + at + TILE * TILE_BYTES + i * 32);
      zero[TILE][i] = zero_pair(rows[TILE][i]);
    }
    prepare<TILE, 0>();
  }

  // x: describes the tokens of the stage.
  template <int TILE, int QUARTER>
  DEVICE void start(u64 x) {
    const u32(&a)[2][4] = weights[TILE][QUARTER & 1];
    const u64 b = x + (QUARTER >> 1) * (R::X_BYTES / 2 >> 4) + (QUARTER & 1) * 4;
    wgmma_fence();
    wgmma(product[TILE], a[0], b, QUARTER > 0);
    wgmma(product[TILE], a[1], b + 2, 1);
    wgmma_commit();
  }

  template <int TILE, int QUARTER>
  DEVICE void prepare_and_start(u64 x) {
    prepare<TILE, QUARTER>();
    start<TILE, QUARTER>(x);
  }

  template <int TILE>
  DEVICE void add(const float (&scale)[2]) {
#pragma unroll
    for (int i = 0; i < LENGTH; i++) sum[TILE][i] += scale[i >> 1 & 1] * product[TILE][i];
  }

  template <int TILE>
  DEVICE void scales(float (&scale)[2]) const {
#pragma unroll
    for (int i = 0; i < 2; i++) scale[i] = scale_of_parts(rows[TILE][i], f16_scales);
  }

  DEVICE void prepare_unit() {
    barrier_wait(at + R::FILLED, phase);
    prepare_tile<0>();
    prepare_tile<1>();
  }

  // The units of a block, of `left` to come. Expects the first prepared; leaves the next so.
  DEVICE void run(int units, int left) {
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
      for (int i = 0; i < LENGTH; i++) sum[t][i] = 0.f;
    for (; units > 0; units--, left--) {
      // the same in all lanes, as the compiler cannot tell: descriptors belong in uniform registers
      const u64 x = MATRIX_DESCRIPTOR_HIGH | __shfl_sync(FULL_WARP, (u32)matrix_descriptor(at), 0);
      start<0, 0>(x);
      start<1, 0>(x);
      prepare_and_start<0, 1>(x);
      prepare_and_start<1, 1>(x);
      wgmma_wait<3>();
      prepare_and_start<0, 2>(x);
      wgmma_wait<3>();
      prepare_and_start<1, 2>(x);
      wgmma_wait<3>();
      prepare_and_start<0, 3>(x);
      wgmma_wait<3>();
      prepare_and_start<1, 3>(x);
      const u32 freed = at + R::FREED;
      float scale0[2], scale1[2];
      scales<0>(scale0);
      scales<1>(scale1);
      at += R::STAGE_BYTES;
      if (at == end) {
        at = ring;
        phase ^= 1;
      }
      if (left > 1) {
        barrier_wait(at + R::FILLED, phase);
        wgmma_wait<3>();
        prepare_tile<0>();
        wgmma_wait<2>();
        prepare_tile<1>();
      }
      wgmma_wait<1>();
      add<0>(scale0);
      wgmma_wait<0>();
      if ((threadIdx.x & 31) == 0) barrier_arrive(freed);
      add<1>(scale1);
    }
  }
};

// Leaves a group's sums of a row of tiles of an output block, for ProductSums.
template <int TOKENS>
DEVICE void leave_share(const Int4Product& p, const float (&sum)[TOKENS / 2], int block, int tile) {
  const int thread = thread_now() & (GROUP_THREADS - 1);
  const int row = (thread >> 5) * 16 + ((thread & 31) >> 2), column = 2 * (thread & 3);
  if (block * BLOCK_TILES + tile >= p.tile_rows) return;
  float* to = (float*)p.partials + ((u64)(blockIdx.x + block) * TOKENS + column) * BLOCK_OUTPUTS +
              tile * TILE_OUTPUTS + row;
#pragma unroll
  for (int i = 0; i < TOKENS / 8; i++, to += 8 * BLOCK_OUTPUTS) {
    if (8 * i < p.tokens) {
      to[0] = WEIGHT_PARTS * sum[4 * i];
      to[BLOCK_OUTPUTS] = WEIGHT_PARTS * sum[4 * i + 1];
      to[8] = WEIGHT_PARTS * sum[4 * i + 2];
      to[BLOCK_OUTPUTS + 8] = WEIGHT_PARTS * sum[4 * i + 3];
    }
  }
}
#endif
