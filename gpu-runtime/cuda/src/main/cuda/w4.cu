// y = x W^T + bias with int4 weights, read once and made bf16 in registers, of few tokens: w4_wide.cu
// is for more.
#include "prelude.cuh"
#include "wgmma.cuh"
#include "w4.cuh"

// -(128 + zero), twice, of the word of a row.
DEVICE u32 zero_pair(u32 word) { return __byte_perm(word, 0, 0x3232) ^ 0x80008000u; }

DEVICE float scale_of(u32 word, int f16_scales) {
  return f16_scales ? f16_float((u16)word) : bf16_low(word);
}

// The words of rows r and r + 8 of a thread's warp: scale and zero of each.
DEVICE void load_rows(const u8* tile, int thread, u32 (&rows)[2]) {
  const int row = (thread >> 5) * 16 + ((thread & 31) >> 2);
  rows[0] = *(const u32*)(tile + 4096 + row * 4);
  rows[1] = *(const u32*)(tile + 4096 + row * 4 + 32);
}

// A thread's part of half a tile, 64 inputs: nibble - zero, exactly.
DEVICE void load_half(const u8* tile, int half, int thread, const u32 (&rows)[2], u32 (&a)[4][4]) {
  const uint4 part = *(const uint4*)(tile + half * 2048 + thread * 16);
  const u32 words[4] = {part.x, part.y, part.z, part.w};
  const u32 zero[2] = {zero_pair(rows[0]), zero_pair(rows[1])};
#pragma unroll
  for (int k = 0; k < 4; k++) {
#pragma unroll
    for (int j = 0; j < 4; j++) a[k][j] = bf16_add(nibbles_bf16(words[k] >> (4 * j)), zero[j & 1]);
  }
}

// sum += scale * product, each element by the scale of its row.
template <int LENGTH>
DEVICE void add_scaled(float (&sum)[LENGTH], const float (&product)[LENGTH],
                       const float (&scale)[2]) {
#pragma unroll
  for (int i = 0; i < LENGTH; i++) sum[i] += scale[(i >> 1) & 1] * product[i];
}

#if WGMMA
#define FEW_THREADS 512
// What a block is compiled for, more than it has: that leaves 96 registers to a thread.
#define FEW_THREADS_MOST 640

// A group's product with half a tile: 64 inputs.
template <class R, int HALF>
DEVICE void start_half(const R& ring, const u32 (&weights)[4][4], float (&product)[R::TOKENS / 2]) {
  const u32 x = (u32)matrix_descriptor(shared_address(ring.bytes() + HALF * (R::X_BYTES / 2)));
  wgmma_fence();
#pragma unroll
  for (int k = 0; k < 4; k++) {
    wgmma(product, weights[k], MATRIX_DESCRIPTOR_HIGH | (x + k * 2), HALF + k > 0);
  }
  wgmma_commit();
}

// Four groups of four warps, one row of tiles each: while the tensor cores work on one half of a tile,
// the weights of the next are made. Each group brings its own tiles. A multiple of four warps of few
// registers: blocks of the small kernels between products find room beside this one, and this one
// beside those of attention, so that weights come while those run.
template <int TOKENS>
DEVICE void multiply_few(const TensorMap& x, const Int4Product& p, int stages) {
  DYNAMIC_SHARED(shared);
  using R = Ring<TOKENS, 4, 1>;
  R ring = {shared, stages, 0, 0};
  let_next_start();
  ring.start();
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const int units = unit_rows(p) * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  __shared__ Position positions[4];  // not in registers, of which all threads would have to hold some
  Bringer<R> bringer = {x, p, positions[group], group};
  if (thread == 0) {
    bringer.start(begin);
    bringer.bring_first(ring, min(stages, end - begin));
  }
  __syncwarp();
  int to_bring = end - begin - stages;

  u32 rows[2], weights[2][4][4];
  auto tile = [&] { return ring.bytes() + R::X_BYTES + group * TILE_BYTES; };
  barrier_wait(ring.filled(), ring.phase);
  load_rows(tile(), thread, rows);
  load_half(tile(), 0, thread, rows, weights[0]);
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    float sum[1][TOKENS / 2], product[TOKENS / 2];
#pragma unroll
    for (int i = 0; i < TOKENS / 2; i++) sum[0][i] = 0.f;
    for (; unit < stop; unit++) {
      start_half<R, 0>(ring, weights[0], product);
      load_half(tile(), 1, thread, rows, weights[1]);
      start_half<R, 1>(ring, weights[1], product);
      // in place of the unit before, which the other groups have mostly left too
      if (unit > begin && to_bring-- > 0) {
        if (thread == 0) bringer.bring_next(ring.before());
        __syncwarp();
      }
      const float scale[2] = {scale_of(rows[0], p.f16_scales), scale_of(rows[1], p.f16_scales)};
      const u32 freed = ring.freed();
      ring.advance();
      wgmma_wait<1>();
      if (unit + 1 < end) {
        barrier_wait(ring.filled(), ring.phase);
        load_rows(tile(), thread, rows);
        load_half(tile(), 0, thread, rows, weights[0]);
      }
      wgmma_wait<0>();
      if ((thread & 31) == 0) barrier_arrive(freed);
      add_scaled(sum[0], product, scale);
    }
    write_share<TOKENS>(p, sum, block, group);
  }
}

// grid (shares), block 512, shared stages * (STAGE_BYTES + 16). x: a map of boxes of 64 columns x
// TOKENS rows, swizzled by 128 bytes.
KERNEL void __launch_bounds__(FEW_THREADS_MOST)
    w4_8(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<8>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS_MOST)
    w4_16(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<16>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS_MOST)
    w4_32(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<32>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_64(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<64>(x, p, stages);
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
        u32 rows[2], weights[2][4][4];
        const u8* tile = from + X_BYTES + group * TILE_BYTES;
        load_rows(tile, thread, rows);
        load_half(tile, 0, thread, rows, weights[0]);
        load_half(tile, 1, thread, rows, weights[1]);
        const float scale[2] = {scale_of(rows[0], p.f16_scales), scale_of(rows[1], p.f16_scales)};
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
            multiply_add(product + 4 * j, weights[k >> 2][k & 3], b[0], b[1]);
            multiply_add(product + 4 * j, weights[k >> 2][(k & 3) + 1], b[2], b[3]);
          }
        }
        add_scaled(sum[0], product, scale);
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
