// y = x W^T + bias with int4 weights, read once and made bf16 in registers, of few tokens: w4_wide.cu
// is for more.
#include "prelude.cuh"
#include "eights.cuh"
#include "wgmma.cuh"
#include "w4.cuh"
#include "w4_few.cuh"
#include "w4_gate.cuh"

#if WGMMA
template <int TOKENS>
DEVICE void multiply_few(const TensorMap& x, const Int4Product& p, int stages) {
  using R = FewRing<TOKENS>;
  const R ring = begin_few<TOKENS>(stages);
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
