// Stored weights to what the products read: bf16.
#include "prelude.cuh"

// (rows, width) to (rows, pitch), zeros behind each row. grid (covers pitch, rows beyond 65535 in
// turn)
template <class From, class To, class F>
DEVICE void convert_rows(const From* __restrict__ x, To* __restrict__ y, int rows, int width,
                         int pitch, F convert) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= pitch) return;
  for (int row = blockIdx.y; row < rows; row += gridDim.y) {
    y[(u64)row * pitch + i] = i < width ? convert(x[(u64)row * width + i]) : (To)0;
  }
}

KERNEL void f32_to_bf16(const float* x, u16* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](float v) { return bf16_of(v); });
}

KERNEL void f16_to_bf16(const u16* x, u16* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return bf16_of(f16_float(v)); });
}

KERNEL void bf16_to_bf16(const u16* x, u16* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return v; });
}

KERNEL void f32_to_f32(const float* x, float* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](float v) { return v; });
}

KERNEL void f16_to_f32(const u16* x, float* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return f16_float(v); });
}

KERNEL void bf16_to_f32(const u16* x, float* y, int rows, int width, int pitch) {
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return bf16_float(v); });
}

#define TILE_BYTES 4352

// Int4 tiles of 64 outputs x 128 inputs to bf16 (outputs, inputs): scale * (nibble - zero), rounded
// once. Inputs lie in slabs, in a slab rows of tiles. Writes gridDim.y rows of tiles from first_row
// on to y. grid (inputs / 128, rows of tiles to write), block 128. f16_scales: type of the scales,
// f16 or bf16.
KERNEL void __launch_bounds__(128)
    int4_to_bf16(const u8* __restrict__ tiles, u16* __restrict__ y, int inputs, int slab_tiles,
                 int rows, int first_row, int f16_scales) {
  const int column = blockIdx.x, row = blockIdx.y, thread = threadIdx.x;
  const u64 tile =
      ((u64)(column / slab_tiles) * rows + first_row + row) * slab_tiles + column % slab_tiles;
  const u8* p = tiles + tile * TILE_BYTES;
  const int warp = thread >> 5, g = (thread & 31) >> 2, c = thread & 3;
  const int r0 = warp * 16 + g;
  const u32* tail = (const u32*)(p + 4096);
  float scale[2], zero[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    u32 word = tail[r0 + i * 8];
    scale[i] = f16_scales ? f16_float((u16)word) : bf16_low(word);
    zero[i] = bf16_high(word) - 128.f;
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    uint4 v = *(const uint4*)(p + half * 2048 + thread * 16);
    u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int s = 0; s < 4; s++) {
      u32 q = words[s];
      // nibble j: row + 8 for odd j, inputs + 8 for j & 2, the second of a pair for j & 4
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int k = 0; k < 2; k++) {
          float a = (float)((q >> (4 * (i + 2 * k))) & 15) - zero[i];
          float b = (float)((q >> (4 * (i + 2 * k + 4))) & 15) - zero[i];
          u64 at = (u64)(row * 64 + r0 + 8 * i) * inputs + (u64)column * 128 + half * 64 + s * 16 +
                   2 * c + 8 * k;
          *(u32*)(y + at) = bf16_pair(a * scale[i], b * scale[i]);
        }
      }
    }
  }
}
