// y[i] = x[rows[i]], as bytes.
#include "prelude.cuh"

// grid (count), width_bytes a multiple of 16
KERNEL void gather_rows(const u8* __restrict__ x, const int* __restrict__ rows, u8* __restrict__ y,
                        int width_bytes) {
  begin_kernel();
  const u8* from = x + (u64)rows[blockIdx.x] * width_bytes;
  u8* to = y + (u64)blockIdx.x * width_bytes;
  for (int i = threadIdx.x * 16; i < width_bytes; i += blockDim.x * 16) {
    *(uint4*)(to + i) = *(const uint4*)(from + i);
  }
}
