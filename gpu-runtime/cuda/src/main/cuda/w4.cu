// y = x W^T + bias with int4 weights, read once and made bf16 in registers, of few tokens: w4_wide.cu
// is for more.
#include "prelude.cuh"
#include "wgmma.cuh"
#include "w4.cuh"

// A thread's part of a tile in shared memory: nibble - zero for rows r and r + 8 of its warp, and
// their scales.
DEVICE void load_weights(const u8* tile, int thread, int f16_scales, u32 (&a)[8][4],
                         float (&scale)[2]) {
  const int row = (thread >> 5) * 16 + ((thread & 31) >> 2);
  const uint4 low = *(const uint4*)(tile + thread * 16);
  const uint4 high = *(const uint4*)(tile + 2048 + thread * 16);
  const u32 first = *(const u32*)(tile + 4096 + row * 4);
  const u32 second = *(const u32*)(tile + 4096 + row * 4 + 32);
  scale[0] = f16_scales ? f16_float((u16)first) : bf16_low(first);
  scale[1] = f16_scales ? f16_float((u16)second) : bf16_low(second);
  // -(128 + zero), twice
  const u32 zero0 = ((first >> 16) | (first & 0xffff0000u)) ^ 0x80008000u;
  const u32 zero1 = ((second >> 16) | (second & 0xffff0000u)) ^ 0x80008000u;
  const u32 words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int k = 0; k < 8; k++) {
    // 0x4300 | v is bf16(128 + v)
    a[k][0] = bf16_add((words[k] & 0x000f000fu) | 0x43004300u, zero0);
    a[k][1] = bf16_add(((words[k] >> 4) & 0x000f000fu) | 0x43004300u, zero1);
    a[k][2] = bf16_add(((words[k] >> 8) & 0x000f000fu) | 0x43004300u, zero0);
    a[k][3] = bf16_add(((words[k] >> 12) & 0x000f000fu) | 0x43004300u, zero1);
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

// Four groups of four warps, one row of tiles each: while the tensor cores work for one, others make
// their weights. They bring the units themselves, in turn, each while its product runs. A multiple
// of four warps of few registers: blocks of the small kernels between products find room beside this
// one, and this one beside those of attention, so that weights come while those run.
template <int TOKENS>
DEVICE void multiply_few(const TensorMap& x, const Int4Product& p, int stages) {
  DYNAMIC_SHARED(shared);
  using R = Ring<TOKENS, 4, 1>;
  R ring = {shared, stages, 0, 0};
  let_next_start();
  ring.start();
  const int units = unit_rows(p) * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  if (threadIdx.x == 0) bring_first(ring, x, p, begin, min(end, begin + stages));
  __syncwarp();
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    float sum[1][TOKENS / 2];
#pragma unroll
    for (int i = 0; i < TOKENS / 2; i++) sum[0][i] = 0.f;
    for (; unit < stop; unit++, ring.advance()) {
      u32 weights[8][4];
      float scale[2], product[TOKENS / 2];
      barrier_wait(ring.filled(ring.stage), ring.phase);
      load_weights(ring.bytes() + R::X_BYTES + group * TILE_BYTES, thread, p.f16_scales, weights,
                   scale);
      const u64 tokens = matrix_descriptor(shared_address(ring.bytes()));
      wgmma_fence();
#pragma unroll
      for (int k = 0; k < 8; k++) {
        wgmma(product, weights[k], tokens + (k >> 2) * (R::X_BYTES / 2 >> 4) + (k & 3) * 2, k > 0);
      }
      wgmma_commit();
      const int next = unit - 1 + stages;
      if (thread == 0 && (unit & 3) == group && unit > begin && next < end) {
        R last = ring.before();
        bring_next(last, x, p, next);
      }
      __syncwarp();
      wgmma_wait<0>();
      if ((thread & 31) == 0) barrier_arrive(ring.freed(ring.stage));
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
        u32 weights[8][4];
        float scale[2], product[TOKENS / 2];
        load_weights(from + X_BYTES + group * TILE_BYTES, thread, p.f16_scales, weights, scale);
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
