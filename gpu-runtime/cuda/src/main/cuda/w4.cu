// y = x W^T + bias with int4 weights, read once and made bf16 in registers, of few tokens: w4_wide.cu
// is for more.
#include "prelude.cuh"
#include "eights.cuh"
#include "silu.cuh"
#include "wgmma.cuh"
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

// Threads that kernels of few tokens are compiled for: more than the 288 they have, so that registers
// are left. Blocks of the small kernels between products then find room beside this one, and this one
// beside those of attention: weights come while those run.
#define FEW_THREADS 512

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
  u32 words[2][2];  // of the quarter to come
  u32 rows[2][2];   // scales and zeros of rows r and r + 8 of the unit to come
  u32 zero[2][2];

  DEVICE FewMultiplier(const R& r, int group, int thread, int f16) : f16_scales(f16), phase(0) {
    at = ring = in_register(shared_address(r.bytes()));
    end = in_register(ring + r.stages * R::STAGE_BYTES);
    part = in_register(R::X_BYTES + group * 2 * TILE_BYTES + thread * 16);
    row = in_register(R::X_BYTES + group * 2 * TILE_BYTES + row_of(thread));
  }

  template <int TILE, int QUARTER>
  DEVICE void load() {
    load_shared(words[TILE], part + at + TILE * TILE_BYTES + (QUARTER >> 1) * 2048 + (QUARTER & 1) * 8);
  }

  // Makes the weights of a quarter, fetches the words of the next of the unit.
  template <int TILE, int QUARTER>
  DEVICE void prepare() {
    u32(&a)[2][4] = weights[TILE][QUARTER & 1];
    make_weights(words[TILE][0], zero[TILE], a[0]);
    make_weights(words[TILE][1], zero[TILE], a[1]);
    if (QUARTER < 3) load<TILE, QUARTER + 1>();
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

  // x: the tokens of the stage, as the low half of a descriptor.
  template <int TILE, int QUARTER>
  DEVICE void start(u32 x) {
    const u32(&a)[2][4] = weights[TILE][QUARTER & 1];
    const u32 b = x + (QUARTER >> 1) * (R::X_BYTES / 2 >> 4) + (QUARTER & 1) * 4;
    wgmma_fence();
    wgmma(product[TILE], a[0], MATRIX_DESCRIPTOR_HIGH | b, QUARTER > 0);
    wgmma(product[TILE], a[1], MATRIX_DESCRIPTOR_HIGH | (b + 2), 1);
    wgmma_commit();
  }

  template <int TILE, int QUARTER>
  DEVICE void prepare_and_start(u32 x) {
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
      const u32 x = __shfl_sync(FULL_WARP, (u32)matrix_descriptor(at), 0);
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

// Two groups of four warps, two rows of tiles each. One warp more brings the units: whoever multiplies
// has no time to.
template <int TOKENS>
DEVICE void multiply_few(const TensorMap& x, const Int4Product& p, int stages) {
  DYNAMIC_SHARED(shared);
  using R = Ring<TOKENS, 2, 2, true>;
  R ring = {shared, stages, 0, 0};
  let_next_start();
  ring.start();
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const int units = unit_rows(p) * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  if (group == R::GROUPS) {
    Bringer<R>{x, p, elected(), ring}.run(begin, end);
    return;
  }
  FewMultiplier<R> m(ring, group, thread, p.f16_scales);
  m.prepare_unit();
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    m.run(stop - unit, end - unit);
    leave_share<TOKENS>(p, m.sum[0], block, group * 2);
    leave_share<TOKENS>(p, m.sum[1], block, group * 2 + 1);
    unit = stop;
  }
}

// y = silu(gate) * up, where rows of tiles are those of gate and of up in turn: a group has both.
//
// Thread blocks have as many output blocks whole as there are for all alike, and write those. The rest,
// the last ones, all take equal shares of, first of all: when the sums that they leave are there, so
// long before the end, warps that do not multiply add them. So nothing waits at the end, and no kernel
// for the activation comes behind.
//
// Thread blocks wait for each other: all must be there at a time, one on a multiprocessor.

// Warps that finish: the rest of the group of the one that brings.
#define FINISH_THREADS 96
// What no wait lasts.
#define GATE_NANOSECONDS 10000000000ull

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
template <int TOKENS>
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
    const int output = block * BLOCK_OUTPUTS + at / TILE_OUTPUTS * 2 * TILE_OUTPUTS + at % TILE_OUTPUTS;
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
  DYNAMIC_SHARED(shared);
  using R = Ring<TOKENS, 2, 2, true>;
  R ring = {shared, stages, 0, 0};
  let_next_start();
  ring.start();
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const GateCut cut(p, TOKENS);
  const int begin = cut.begin(blockIdx.x), end = cut.begin(blockIdx.x + 1);
  const int whole_units = cut.whole * p.columns;
  if (group == R::GROUPS) {
    if (thread >= 32) {
      finish_gate<TOKENS>(p, cut, ended);
      return;
    }
    const int rest = cut.first_rest * p.columns, whole = blockIdx.x * whole_units;
    Bringer<R>{x, p, elected(), ring}.run(
        rest + begin, rest + end, whole, whole + whole_units, [&](int unit) {
          // a ring after the first whole unit was brought it has been multiplied, and all sums of the
          // rest have been left before
          if (unit == end - begin + stages && elected()) {
            for (int block = begin / p.columns; block * p.columns < end; block++) add_release(ended + block, 1);
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

// grid (shares), block 288, shared stages * STAGE_BYTES. x: a map of boxes of 64 columns x
// TOKENS rows, swizzled by 128 bytes.
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_8(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<8>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_16(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<16>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_32(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<32>(x, p, stages);
}

// grid (multiprocessors), block 384, shared stages * STAGE_BYTES; y: (tokens, y_pitch) bf16, half as
// wide as W has outputs; at least as many output blocks as thread blocks, more units of one than stages.
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_gate_8(const __grid_constant__ TensorMap x, const Int4Product p, int stages, u32* ended) {
  multiply_and_gate<8>(x, p, stages, ended);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_gate_16(const __grid_constant__ TensorMap x, const Int4Product p, int stages, u32* ended) {
  multiply_and_gate<16>(x, p, stages, ended);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_gate_32(const __grid_constant__ TensorMap x, const Int4Product p, int stages, u32* ended) {
  multiply_and_gate<32>(x, p, stages, ended);
}
#endif

// The same by the tensor-core instructions of sm_80 and later: two groups of four warps, one row of
// tiles each; all threads copy.
template <int TOKENS, int STAGES>
DEVICE void multiply_by_warps(const u16* __restrict__ x, int x_pitch, const Int4Product& p) {
  DYNAMIC_SHARED(shared);
  const int GROUPS = 2, THREADS = GROUPS * GROUP_THREADS;
  const int X_BYTES = TOKENS * TILE_INPUTS * 2;
  const int STAGE_BYTES = X_BYTES + GROUPS * TILE_BYTES;
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const int lane = thread & 31;
  const int units = unit_rows(p) * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    for (int pass = 0; pass < BLOCK_TILES / GROUPS; pass++) {
      const int first_row = block * BLOCK_TILES + pass * GROUPS;
      if (first_row >= p.tile_rows) break;
      auto fetch = [&](int i) {
        if (unit + i < stop) {
          const int column = unit - block * p.columns + i;
          u8* to = shared + (i % STAGES) * STAGE_BYTES;
          for (int at = threadIdx.x; at < GROUPS * (TILE_BYTES / 16); at += THREADS) {
            int tile = at / (TILE_BYTES / 16);
            const u8* from = tile_address(p, min(first_row + tile, p.tile_rows - 1), column);
            copy_async16(shared_address(to + X_BYTES + at * 16),
                         from + (at - tile * (TILE_BYTES / 16)) * 16);
          }
          for (int at = threadIdx.x; at < TOKENS * 16; at += THREADS) {
            int token = at >> 4, chunk = at & 15;
            int row = min(first_token<TOKENS>(p) + token, p.tokens - 1);
            copy_async16(shared_address(to + (chunk >> 3) * (X_BYTES / 2) + token * 128 +
                                        (((chunk & 7) ^ (token & 7)) << 4)),
                         x + (u64)row * x_pitch + column * TILE_INPUTS + chunk * 8);
          }
        }
        copy_commit();
      };
      float sum[1][TOKENS / 2];
#pragma unroll
      for (int i = 0; i < TOKENS / 2; i++) sum[0][i] = 0.f;
      __syncthreads();
      for (int i = 0; i < STAGES - 1; i++) fetch(i);
      for (int i = 0; unit + i < stop; i++) {
        copy_wait<STAGES - 2>();
        __syncthreads();
        fetch(i + STAGES - 1);
        const u8* from = shared + (i % STAGES) * STAGE_BYTES;
        u32 weights[8][4], zero[2];
        float scale[2];
        const u32 tile = shared_address(from) + X_BYTES + group * TILE_BYTES;
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const u32 word = load_shared(tile + row_of(thread) + i * 32);
          zero[i] = zero_pair(word);
          scale[i] = scale_of(word, p.f16_scales);
        }
#pragma unroll
        for (int k = 0; k < 8; k += 4) {
          u32 words[4];
          load_shared(words, tile + (k >> 2) * 2048 + thread * 16);
#pragma unroll
          for (int i = 0; i < 4; i++) make_weights(words[i], zero, weights[k + i]);
        }
        float product[TOKENS / 2];
#pragma unroll
        for (int j = 0; j < TOKENS / 2; j++) product[j] = 0.f;
#pragma unroll
        for (int k = 0; k < 8; k += 2) {
          const int chunk = 2 * k + (lane >> 3), row = lane & 7;
          const u32 at = shared_address(from + (chunk >> 3) * (X_BYTES / 2) + row * 128 +
                                        (((chunk & 7) ^ row) << 4));
#pragma unroll
          for (int j = 0; j < TOKENS / 8; j++) {
            u32 b[4];
            load_matrices(b, at + j * 1024);
            multiply_add(product + 4 * j, weights[k], b[0], b[1]);
            multiply_add(product + 4 * j, weights[k + 1], b[2], b[3]);
          }
        }
#pragma unroll
        for (int j = 0; j < TOKENS / 2; j++) sum[0][j] += scale[j >> 1 & 1] * product[j];
      }
      write_share<TOKENS>(p, sum, block, pass * GROUPS + group);
    }
    unit = stop;
  }
}

// grid (shares, covers tokens by TOKENS), block 256, shared STAGES * STAGE_BYTES. x: (tokens, x_pitch)
KERNEL void __launch_bounds__(256) w4_mma_8(const u16* x, int x_pitch, const Int4Product p) {
  begin_kernel();
  multiply_by_warps<8, 6>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_16(const u16* x, int x_pitch, const Int4Product p) {
  begin_kernel();
  multiply_by_warps<16, 6>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_32(const u16* x, int x_pitch, const Int4Product p) {
  begin_kernel();
  multiply_by_warps<32, 4>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_64(const u16* x, int x_pitch, const Int4Product p) {
  begin_kernel();
  multiply_by_warps<64, 3>(x, x_pitch, p);
}

// y = the sums; grid any, block any. y: (tokens, y_pitch) bf16 or float32
KERNEL void w4_sum(const ProductSums s, void* y, int y_pitch, int outputs, int tokens, int float_y) {
  begin_kernel();
  const int eights = outputs / 8;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < eights * tokens; i += gridDim.x * blockDim.x) {
    const int token = i / eights, output = i % eights * 8;
    float x[1][8];
    Summands(s, token, output).sum<4>(x);
    const u64 at = (u64)token * y_pitch + output;
    if (float_y) {
      write8((float*)y + at, x[0]);
    } else {
      write8((u16*)y + at, x[0]);
    }
  }
}

// Adds what shares left and writes the results, of boxes of `tokens` tokens: after a product, with
// its arguments. grid (4 for each output block or, with by_cut, each share but the first; eights of
// tokens), block 128.
KERNEL void __launch_bounds__(128)
    w4_join(const Int4Product p, int shares, int tokens, int by_cut) {
  begin_kernel();
  const int box = blockIdx.y / (tokens / 8), eight = blockIdx.y % (tokens / 8);
  const int tile = blockIdx.x % BLOCK_TILES;
  int block = blockIdx.x / BLOCK_TILES;
  const int cut = block + 1;
  if (by_cut) block = share_start(cut, shares, unit_rows(p) * p.columns) / p.columns;
  const Parts parts(p, block, shares);
  const int row = block * BLOCK_TILES + tile;
  // of several cuts in a block its first one counts
  if (parts.first == parts.last || row >= p.tile_rows || (by_cut && parts.first + 1 != cut)) return;
  float4 sum = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll 4
  for (int share = parts.first; share <= parts.last; share++) {
    const int set = box * shares * 2 + parts.set(share);
    const float4 v = *partial(p, set, tokens, tile, eight, threadIdx.x);
    sum = make_float4(sum.x + v.x, sum.y + v.y, sum.z + v.z, sum.w + v.w);
  }
  write_eight(p, sum, row, p.first_token + blockIdx.y * 8, threadIdx.x);
}
