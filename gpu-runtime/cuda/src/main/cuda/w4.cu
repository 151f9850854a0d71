// y = x W^T + bias with int4 weights, read once and made bf16 in registers, of few tokens: w4_wide.cu
// is for more.
#include "prelude.cuh"
#include "wgmma.cuh"
#include "w4.cuh"

// Scale and zero of rows r and r + 8 of a thread's warp, from the address of r's word.
struct Rows {
  u32 words[2], zero[2];

  DEVICE void load(u32 row) {
    for (int i = 0; i < 2; i++) {
      words[i] = load_shared(row + i * 32);
      zero[i] = zero_pair(words[i]);
    }
  }
};

// Where a thread's row r is in a tile.
DEVICE u32 row_of(int thread) {
  return 4096 + ((thread >> 5) * 16 + ((thread & 31) >> 2)) * 4;
}

// A thread's weights of STEPS steps of 16 inputs of a tile, from step `from` on; from the address of its
// 16 bytes.
template <int STEPS>
DEVICE void load_weights(u32 part, int from, const Rows& rows, u32 (&a)[STEPS][4]) {
  u32 words[STEPS];
  load_shared(words, part + (from >> 2) * 2048 + (from & 3) * 4);
#pragma unroll
  for (int k = 0; k < STEPS; k++) make_weights(words[k], rows.zero, a[k]);
}

// sum += scale * product, each element by the scale of its row.
template <int LENGTH>
DEVICE void add_scaled(float (&sum)[LENGTH], const float (&product)[LENGTH],
                       const float (&scale)[2]) {
#pragma unroll
  for (int i = 0; i < LENGTH; i++) sum[i] += scale[(i >> 1) & 1] * product[i];
}

#if WGMMA
// Threads that kernels of few tokens are compiled for: more than the 544 they have, so that registers
// are left. Blocks of the small kernels between products then find room beside this one, and this one
// beside those of attention: weights come while those run.
#define FEW_THREADS 672
#define FEW_THREADS_32 800

// A group's product with STEPS steps of a tile. x: the tokens' as the low half of a descriptor.
template <int TOKENS, int STEPS>
DEVICE void start_product(u32 x, int from, const u32 (&weights)[STEPS][4],
                          float (&product)[TOKENS / 2]) {
  x += (from >> 2) * (TOKENS * TILE_INPUTS >> 4) + (from & 3) * 2;
  wgmma_fence();
#pragma unroll
  for (int k = 0; k < STEPS; k++) {
    wgmma(product, weights[k], MATRIX_DESCRIPTOR_HIGH | (x + k * 2), from + k > 0);
  }
  wgmma_commit();
}

// Four groups of four warps, one row of tiles each: while the tensor cores work on STEPS steps of 16
// inputs, the weights of the next are made. One warp more brings the units: whoever multiplies has no time to.
template <int TOKENS, int STEPS>
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
  if (group == R::GROUPS) {
    Bringer<R>{x, p, elected(), ring}.run(begin, end);
    return;
  }

  const u32 part = shared_address(shared) + R::X_BYTES + group * TILE_BYTES + thread * 16;
  const u32 row = part - thread * 16 + row_of(thread);
  u32 at = 0;  // of the stage in shared memory
  // the same in all lanes, as the compiler cannot tell: descriptors belong in uniform registers
  auto descriptor = [&] {
    return __shfl_sync(FULL_WARP, (u32)matrix_descriptor(shared_address(shared) + at), 0);
  };
  Rows rows;
  u32 weights[2][STEPS][4], tokens = descriptor();
  barrier_wait(ring.filled(), ring.phase);
  rows.load(row);
  load_weights(part, 0, rows, weights[0]);
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    float sum[1][TOKENS / 2], product[TOKENS / 2];
#pragma unroll
    for (int i = 0; i < TOKENS / 2; i++) sum[0][i] = 0.f;
    for (; unit < stop; unit++) {
#pragma unroll
      for (int from = 0; from < 8; from += STEPS) {
        start_product<TOKENS>(tokens, from, weights[from / STEPS & 1], product);
        if (from + STEPS == 8) break;
        if (from > 0) wgmma_wait<1>();
        load_weights(part + at, from + STEPS, rows, weights[from / STEPS + 1 & 1]);
      }
      const float scale[2] = {scale_of(rows.words[0], p.f16_scales),
                              scale_of(rows.words[1], p.f16_scales)};
      const u32 freed = ring.freed();
      ring.advance();
      at = ring.stage * R::STAGE_BYTES;
      tokens = descriptor();
      wgmma_wait<1>();
      if (unit + 1 < end) {
        barrier_wait(ring.filled(), ring.phase);
        rows.load(row + at);
        load_weights(part + at, 0, rows, weights[0]);
      }
      wgmma_wait<0>();
      if ((thread & 31) == 0) barrier_arrive(freed);
      add_scaled(sum[0], product, scale);
    }
    write_share<TOKENS>(p, sum, block, group);
  }
}

// grid (shares), block 544, shared stages * (STAGE_BYTES + 16). x: a map of boxes of 64 columns x
// TOKENS rows, swizzled by 128 bytes.
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_8(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<8, 4>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS)
    w4_16(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<16, 4>(x, p, stages);
}
KERNEL void __launch_bounds__(FEW_THREADS_32)
    w4_32(const __grid_constant__ TensorMap x, const Int4Product p, int stages) {
  multiply_few<32, 2>(x, p, stages);
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
        Rows rows;
        u32 weights[8][4];
        const u32 tile = shared_address(from) + X_BYTES + group * TILE_BYTES;
        rows.load(tile + row_of(thread));
        load_weights(tile + thread * 16, 0, rows, *(u32(*)[4][4])weights);
        load_weights(tile + thread * 16, 4, rows, *(u32(*)[4][4])(weights + 4));
        const float scale[2] = {scale_of(rows.words[0], p.f16_scales),
                              scale_of(rows.words[1], p.f16_scales)};
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
