// y[row] = table[ids[row]], bf16 to float32 or bf16.
#include "prelude.cuh"

// An id of -1 - j stands for the token that logit task j of the step before has drawn, which the
// host need not have seen; where it could draw none, any will do: the host drops what comes of it.
DEVICE int token_of(const int* ids, const int* drawn, int row) {
  int id = ids[row];
  if (id < 0) {
    id = drawn[-1 - id];
  }
  return id < 0 ? 0 : id;
}

// grid (rows), block any; width a multiple of 8
KERNEL void embed_f32(const int* __restrict__ ids, const int* __restrict__ drawn,
                      const u16* __restrict__ table, float* __restrict__ y, int width) {
  begin_kernel();
  const u16* from = table + (u64)token_of(ids, drawn, blockIdx.x) * width;
  float* to = y + (u64)blockIdx.x * width;
  for (int i = threadIdx.x * 8; i < width; i += blockDim.x * 8) {
    uint4 v = *(const uint4*)(from + i);
    *(float4*)(to + i) = make_float4(bf16_low(v.x), bf16_high(v.x), bf16_low(v.y), bf16_high(v.y));
    *(float4*)(to + i + 4) =
        make_float4(bf16_low(v.z), bf16_high(v.z), bf16_low(v.w), bf16_high(v.w));
  }
}

KERNEL void embed_bf16(const int* __restrict__ ids, const int* __restrict__ drawn,
                       const u16* __restrict__ table, u16* __restrict__ y, int width) {
  begin_kernel();
  const u16* from = table + (u64)token_of(ids, drawn, blockIdx.x) * width;
  u16* to = y + (u64)blockIdx.x * width;
  for (int i = threadIdx.x * 8; i < width; i += blockDim.x * 8) {
    *(uint4*)(to + i) = *(const uint4*)(from + i);
  }
}
