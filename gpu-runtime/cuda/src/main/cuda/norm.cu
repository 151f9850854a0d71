// Root-mean-square norm of rows, with or without adding to the residual first. Sums in float32, one
// row a block, in an order that depends on the width alone.
#include "prelude.cuh"
#include "eights.cuh"
#include "sums.cuh"

#define NORM_THREADS 256
#define NORM_KEPT 32

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

// x: the row, added to and written back where ADD; y = x / sqrt(mean(x^2) + epsilon) * weight. Rows
// are padded with zeros from width to pitch, a multiple of 8. A thread keeps NORM_KEPT elements in
// registers; wider rows are read twice.
template <bool ADD, class X>
DEVICE void norm_row(X* x, const u16* __restrict__ delta, const float* __restrict__ weight,
                     float epsilon, u16* y, int width, int pitch) {
  float kept[NORM_KEPT];
  float squares = 0;
#pragma unroll
  for (int k = 0; k < NORM_KEPT / 8; k++) {
    int i = (k * NORM_THREADS + threadIdx.x) * 8;
    if (i < pitch) {
      read8(x + i, kept + k * 8);
      if (ADD) {
        float d[8];
        read8(delta + i, d);
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
      read8(delta + i, d);
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
  norm_row<false>((float*)x + row, 0, weight, epsilon, y + row, width, pitch);
}

KERNEL void __launch_bounds__(NORM_THREADS)
    rms_norm_bf16(const u16* x, const float* __restrict__ weight, float epsilon, u16* y,
                  int width, int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<false>((u16*)x + row, 0, weight, epsilon, y + row, width, pitch);
}

// residual += delta, then its norm
KERNEL void __launch_bounds__(NORM_THREADS)
    add_rms_norm_f32(const u16* __restrict__ delta, float* residual,
                     const float* __restrict__ weight, float epsilon, u16* y, int width,
                     int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<true>(residual + row, delta + row, weight, epsilon, y + row, width, pitch);
}

KERNEL void __launch_bounds__(NORM_THREADS)
    add_rms_norm_bf16(const u16* __restrict__ delta, u16* residual,
                      const float* __restrict__ weight, float epsilon, u16* y, int width,
                     int pitch) {
  begin_kernel();
  u64 row = (u64)blockIdx.x * pitch;
  norm_row<true>(residual + row, delta + row, weight, epsilon, y + row, width, pitch);
}

#if BULK_COPY
// residual += a product left in parts, then its norm. There are few rows, and each is a sum of many: a
// cluster has a row. grid (rows * NORM_CLUSTER), block NORM_THREADS.
#define NORM_CLUSTER 4
KERNEL void __launch_bounds__(NORM_THREADS) CLUSTER(NORM_CLUSTER)
    add_rms_norm_sums(const ProductSums s, float* residual, const float* __restrict__ weight,
                      float epsilon, u16* y, int width, int pitch) {
  DYNAMIC_SHARED(shared);  // sums of squares of all warps of the cluster
  const int WARPS = NORM_THREADS / 32, lane = threadIdx.x & 31;
  const int row = blockIdx.x / NORM_CLUSTER, rank = cluster_rank();
  const int first = (rank * NORM_THREADS + threadIdx.x) * 4, step = NORM_CLUSTER * NORM_THREADS * 4;
  let_next_start();
  cluster_arrive();
  residual += (u64)row * pitch;
  y += (u64)row * pitch;
  await_earlier();
  float kept[4], squares = 0;
#pragma unroll 1
  for (int i = first; i < pitch; i += step) {
    float v[4], sum[1][4];
    read_run(residual + i, v);
    Summands(s, row, i).sum<6>(sum);
#pragma unroll
    for (int e = 0; e < 4; e++) {
      v[e] += sum[0][e];
      squares += v[e] * v[e];
      if (i == first) kept[e] = v[e];
    }
    write_run(residual + i, v);
  }
  squares = warp_sum(squares);
  cluster_wait();  // all have begun
  if (lane < NORM_CLUSTER) {
    store_cluster(shared_address(shared) + (rank * WARPS + threadIdx.x / 32) * 4, lane, squares);
  }
  cluster_arrive();
  float w[4];
  if (first < pitch) read_run(weight + first, w);
  cluster_wait();
  const float* parts = (const float*)shared;
  const float scale = rsqrtf(warp_sum(lane < NORM_CLUSTER * WARPS ? parts[lane] : 0.f) / width + epsilon);
#pragma unroll 1
  for (int i = first; i < pitch; i += step) {
    if (i > first) {
      read_run(residual + i, kept);
      read_run(weight + i, w);
    }
    float v[4];
#pragma unroll
    for (int e = 0; e < 4; e++) v[e] = w[e] * (kept[e] * scale);
    write_run(y + i, v);
  }
}
#endif

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
