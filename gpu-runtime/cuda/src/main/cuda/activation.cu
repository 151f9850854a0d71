// y = silu(gate) * up. gate_up rows: 64 gate elements, the 64 up elements that belong to them, and
// so on.
#include "prelude.cuh"
#include "eights.cuh"
#include "silu.cuh"
#include "sums.cuh"

DEVICE u32 gated_pair(u32 gate, u32 up) {
  return bf16_pair(silu(bf16_low(gate)) * bf16_low(up), silu(bf16_high(gate)) * bf16_high(up));
}

// grid (covers width / 8, rows); width a multiple of 64
KERNEL void gated_activation(const u16* __restrict__ gate_up, u16* __restrict__ y, int width) {
  begin_kernel();
  int i = (blockIdx.x * blockDim.x + threadIdx.x) * 8;
  if (i >= width) return;
  const u16* p = gate_up + (u64)blockIdx.y * width * 2 + (i >> 6) * 128 + (i & 63);
  uint4 g = *(const uint4*)p, u = *(const uint4*)(p + 64);
  *(uint4*)(y + (u64)blockIdx.y * width + i) =
      make_uint4(gated_pair(g.x, u.x), gated_pair(g.y, u.y), gated_pair(g.z, u.z),
                 gated_pair(g.w, u.w));
}

// The same of a product left in parts; y (tokens, width). grid covers width / 8 * tokens threads
KERNEL void __launch_bounds__(128)
    gated_activation_sums(const ProductSums s, u16* __restrict__ y, int width, int tokens) {
  let_next_start();
  const int eights = width / 8, i = blockIdx.x * blockDim.x + threadIdx.x;
  const int token = i / eights, at = i % eights * 8;
  const Summands summands(s, token, (at >> 6) * 128 + (at & 63));
  await_earlier();
  if (token >= tokens) return;
  float x[2][8];  // gate and up
  summands.sum<2>(x, 64);
#pragma unroll
  for (int e = 0; e < 8; e++) x[0][e] = silu(x[0][e]) * x[1][e];
  write8(y + (u64)token * width + at, x[0]);
}
