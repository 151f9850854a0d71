// Root-mean-square norm of rows, with or without adding to the residual first. Sums in float32, one
// row a block, in an order that depends on the width alone.
#include "prelude.cuh"
#include "eights.cuh"
#include "sums.cuh"

#define NORM_THREADS 256

// Sum over the block, the same on every thread.
DEVICE float block_sum(float x) {
  __shared__ float part[NORM_THREADS / 32];
  x = warp_sum(x);
  if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = x;
  __syncthreads();
  float sum = 0;
#pragma unroll
  for (int i = 0; i < NORM_THREADS / 32; i++) sum += part[i];
  return sum;
}

// What is added to a row: eight elements from i on.
struct RowDelta {
  const u16* row;
  DEVICE void operator()(int i, float (&d)[8]) const { read8(row + i, d); }
};
struct SummedDelta {
  const ProductSums& sums;
  int token;
  DEVICE void operator()(int i, float (&d)[8]) const { sum8(sums, token, i, d); }
};

// x: the row, added to and written back where ADD; y = x / sqrt(mean(x^2) + epsilon) * weight. Rows
// are padded with zeros from width to pitch, a multiple of 8. A thread keeps NORM_KEPT elements in
// registers; wider rows are read twice.
template <bool ADD, int NORM_KEPT = 32, class X, class D>
DEVICE void norm_row(X* x, const D& delta, const float* __restrict__ weight, float epsilon,
                     u16* y, int width, int pitch) {
  float kept[NORM_KEPT > 0 ? NORM_KEPT : 1];
  float squares = 0;
#pragma unroll
  for (int k = 0; k < NORM_KEPT / 8; k++) {
    int i = (k * NORM_THREADS + threadIdx.x) * 8;
    if (i < pitch) {
      read8(x + i, kept + k * 8);
      if (ADD) {
        float d[8];
        delta(i, d);
#pragma unroll
        for (int e = 0; e < 8; e++) kept[k * 8 + e] += d[e];
        write8(x + i, kept + k * 8);
      }
#pragma unroll
      for (int e = 0; e < 8; e++) squares += kept[k * 8 + e] * kept[k * 8 + e];
    }
  }
  for (int i = (NORM_KEPT / 8 * NORM_THREADS + threadIdx.x) * 8; i < pitch; i += NORM_THREADS * 8) {
    float v[8];
    read8(x + i, v);
    if (ADD) {
      float d[8];
      delta(i, d);
#pragma unroll
      for (int e = 0; e < 8; e++) v[e] += d[e];
      write8(x + i, v);
    }
#pragma unroll
    for (int e = 0; e < 8; e++) squares += v[e] * v[e];
  }

  float scale = rsqrtf(block_sum(squares) / width + epsilon);
#pragma unroll
  for (int k = 0; k < NORM_KEPT / 8; k++) {
    int i = (k * NORM_THREADS + threadIdx.x) * 8;
    if (i < pitch) {
      float w[8];
      read8(weight + i, w);
#pragma unroll
      for (int e = 0; e < 8; e++) w[e] *= kept[k * 8 + e] * scale;
      write8(y + i, w);
    }
  }
  for (int i = (NORM_KEPT / 8 * NORM_THREADS + threadIdx.x) * 8; i < pitch; i += NORM_THREADS * 8) {
    float v[8], w[8];
    read8(x + i, v);
    read8(weight + i, w);
#pragma unroll
    for (int e = 0; e < 8; e++) w[e] *= v[e] * scale;
    write8(y + i, w);
  }
}

// grid (rows), block NORM_THREADS
KERNEL void __launch_bounds__(NORM_THREADS)
    rms_norm_f32(const float* x, const float* __restrict__ weight, float epsilon, u16* y,
                 int width, int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<false>((float*)x + row, RowDelta{0}, weight, epsilon, y + row, width, pitch);
}

KERNEL void __launch_bounds__(NORM_THREADS)
    rms_norm_bf16(const u16* x, const float* __restrict__ weight, float epsilon, u16* y,
                  int width, int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<false>((u16*)x + row, RowDelta{0}, weight, epsilon, y + row, width, pitch);
}

// residual += delta, then its norm
KERNEL void __launch_bounds__(NORM_THREADS)
    add_rms_norm_f32(const u16* __restrict__ delta, float* residual,
                     const float* __restrict__ weight, float epsilon, u16* y, int width,
                     int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<true>(residual + row, RowDelta{delta + row}, weight, epsilon, y + row, width, pitch);
}

KERNEL void __launch_bounds__(NORM_THREADS)
    add_rms_norm_bf16(const u16* __restrict__ delta, u16* residual,
                      const float* __restrict__ weight, float epsilon, u16* y, int width,
                     int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<true>(residual + row, RowDelta{delta + row}, weight, epsilon, y + row, width, pitch);
}

// residual += a product left in parts, then its norm. At most 48 registers a thread: only so do its
// blocks find room beside those of the next product, which come while this runs.
KERNEL void __launch_bounds__(NORM_THREADS, 5)
    add_rms_norm_sums(const ProductSums s, float* residual, const float* __restrict__ weight,
                      float epsilon, u16* y, int width, int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<true, 0>(residual + row, SummedDelta{s, (int)blockIdx.x}, weight, epsilon, y + row, width,
                 pitch);
}

// x += y over n elements, n a multiple of 8; grid covers n / 8
KERNEL void add_f32(float* x, const u16* __restrict__ y, u64 n) {
  begin_kernel();
  u64 i = ((u64)blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (i >= n) return;
  float a[8], b[8];
  read8(x + i, a);
  read8(y + i, b);
#pragma unroll
  for (int e = 0; e < 8; e++) a[e] += b[e];
  write8(x + i, a);
}

KERNEL void add_bf16(u16* x, const u16* __restrict__ y, u64 n) {
  begin_kernel();
  u64 i = ((u64)blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (i >= n) return;
  float a[8], b[8];
  read8(x + i, a);
  read8(y + i, b);
#pragma unroll
  for (int e = 0; e < 8; e++) a[e] += b[e];
  write8(x + i, a);
}

// x[row] += bias; grid (rows), width a multiple of 8
KERNEL void add_bias_bf16(u16* x, const float* __restrict__ bias, int width) {
  begin_kernel();
  u16* row = x + (u64)blockIdx.x * width;
  for (int i = threadIdx.x * 8; i < width; i += blockDim.x * 8) {
    float a[8], b[8];
    read8(row + i, a);
    read8(bias + i, b);
#pragma unroll
    for (int e = 0; e < 8; e++) a[e] += b[e];
    write8(row + i, a);
  }
}
