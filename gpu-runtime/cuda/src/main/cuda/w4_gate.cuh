// A product of few tokens that applies the activation: y = silu(gate) * up, where rows of tiles are those
// of gate and of up in turn, and a group has both.
//
// Thread blocks have as many output blocks whole as there are for all alike, and write those. The rest,
// the last ones, all take equal shares of, first of all: when the sums that they leave are there, so
// long before the end, warps that do not multiply add them. So nothing waits at the end, and no kernel
// for the activation comes behind.
//
// Thread blocks wait for each other: all must be there at a time, one on a multiprocessor.
#pragma once

#include "silu.cuh"
#include "w4_few.cuh"

// Warps that finish: the rest of the group of the one that brings.
#define FINISH_THREADS 96
// What no wait lasts.
#define GATE_NANOSECONDS 10000000000ull

#if WGMMA
// How the work is cut.
struct GateCut {
  int whole;       // output blocks of a thread block
  int first_rest;  // output block
  ProductSums rest;

  DEVICE GateCut(const Int4Product& p, int tokens) {
    whole = unit_rows(p) / gridDim.x;
    first_rest = whole * gridDim.x;
    const int units = (unit_rows(p) - first_rest) * p.columns;
    rest = {(const float*)p.partials, 0, p.columns, units, (int)gridDim.x, tokens};
  }
  DEVICE int begin(int share) const { return share_start(share, rest.shares, rest.units); }
  DEVICE int shares_of(int block) const {
    const int first = block * rest.columns;
    return share_of(first + rest.columns - 1, rest.shares, rest.units) -
           share_of(first, rest.shares, rest.units) + 1;
  }
};

// Adds the sums of some of the rest: four outputs of a token at a time. ended: of a block of the rest how
// many shares are there, then how many thread blocks have read them; zero between launches.
DEVICE void finish_gate(const Int4Product& p, const GateCut& cut, u32* ended) {
  const int PIECES = BLOCK_OUTPUTS / 2 / 4;
  const int thread = threadIdx.x % GROUP_THREADS - 32;
  const int of_block = p.tokens * PIECES, all = cut.rest.units / p.columns * of_block;
  const int begin = share_start(blockIdx.x, gridDim.x, all);
  const int end = share_start(blockIdx.x + 1, gridDim.x, all);
  await_earlier();
  for (int i = begin + thread; i < end; i += FINISH_THREADS) {
    const int block = i / of_block, token = i % of_block / PIECES, at = i % PIECES * 4;
    const u32 shares = cut.shares_of(block);
    const u64 start = nanoseconds();
    while (load_acquire_device(ended + block) < shares) {
      if (nanoseconds() - start > GATE_NANOSECONDS) fail_kernel();
      sleep_pause();
    }
    float x[2][4];
    const int output =
        block * BLOCK_OUTPUTS + at / TILE_OUTPUTS * 2 * TILE_OUTPUTS + at % TILE_OUTPUTS;
    Summands(cut.rest, token, output).sum<5>(x, TILE_OUTPUTS);
#pragma unroll
    for (int e = 0; e < 4; e++) x[0][e] = silu(x[0][e]) * x[1][e];
    write_run((u16*)p.y + (u64)token * p.y_pitch + (cut.first_rest + block) * (BLOCK_OUTPUTS / 2) + at,
              x[0]);
  }
  threads_sync<FINISH_THREADS>(1);
  if (thread == 0 && begin < end) {
    for (int block = begin / of_block; block <= (end - 1) / of_block; block++) {
      const int readers = share_of((block + 1) * of_block - 1, gridDim.x, all) -
                          share_of(block * of_block, gridDim.x, all) + 1;
      const u32 last = cut.shares_of(block) + readers;
      if (atomicAdd(ended + block, 1u) + 1 == last) ended[block] = 0;
    }
  }
}

template <int TOKENS>
DEVICE void write_gated(const Int4Product& p, const float (&sum)[2][TOKENS / 2], int row) {
#pragma unroll
  for (int i = 0; i < TOKENS / 8; i++) {
    float v[4];
#pragma unroll
    for (int e = 0; e < 4; e++) {
      v[e] = silu(WEIGHT_PARTS * sum[0][4 * i + e]) * (WEIGHT_PARTS * sum[1][4 * i + e]);
    }
    if (8 * i < p.tokens) write_eight(p, four(v), row, 8 * i, thread_now() & (GROUP_THREADS - 1));
  }
}

template <int TOKENS>
DEVICE void multiply_and_gate(const TensorMap& x, const Int4Product& p, int stages, u32* ended) {
  using R = FewRing<TOKENS>;
  const R ring = begin_few<TOKENS>(stages);
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const GateCut cut(p, TOKENS);
  const int begin = cut.begin(blockIdx.x), end = cut.begin(blockIdx.x + 1);
  const int whole_units = cut.whole * p.columns;
  if (group == R::GROUPS) {
    if (thread >= 32) {
      finish_gate(p, cut, ended);
      return;
    }
    const int rest = cut.first_rest * p.columns, whole = blockIdx.x * whole_units;
    Bringer<R>{x, p, elected(), ring}.run(
        rest + begin, rest + end, whole, whole + whole_units, [&](int unit) {
          // a ring after the first whole unit was brought it has been multiplied, and all sums of the
          // rest have been left before
          if (unit == end - begin + stages && elected()) {
            for (int block = begin / p.columns; block * p.columns < end; block++) {
              add_release(ended + block, 1);
            }
          }
        });
    return;
  }
  FewMultiplier<R> m(ring, group, thread, p.f16_scales);
  m.prepare_unit();
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    m.run(stop - unit, end - unit + whole_units);
    leave_share<TOKENS>(p, m.sum[0], block, group * 2);
    leave_share<TOKENS>(p, m.sum[1], block, group * 2 + 1);
    unit = stop;
  }
  for (int left = cut.whole; left > 0; left--) {
    m.run(p.columns, left * p.columns);
    write_gated<TOKENS>(p, m.sum, ((block_now() + 1) * cut.whole - left) * 2 + group);
  }
}
#endif
