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
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](float v) { return bf16_of(v); });
}

KERNEL void f16_to_bf16(const u16* x, u16* y, int rows, int width, int pitch) {
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return bf16_of(f16_float(v)); });
}

KERNEL void bf16_to_bf16(const u16* x, u16* y, int rows, int width, int pitch) {
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return v; });
}

KERNEL void f32_to_f32(const float* x, float* y, int rows, int width, int pitch) {
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](float v) { return v; });
}

KERNEL void f16_to_f32(const u16* x, float* y, int rows, int width, int pitch) {
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return f16_float(v); });
}

KERNEL void bf16_to_f32(const u16* x, float* y, int rows, int width, int pitch) {
  begin_kernel();
  convert_rows(x, y, rows, width, pitch, [](u16 v) { return bf16_float(v); });
}

#define TILE_BYTES 4352

// scale * (nibble - zero) of the pair of nibbles `shift` bits up, rounded once. zero: -(128 + zero),
// twice.
DEVICE u32 int4_pair(u32 word, int shift, u32 zero, float scale) {
  // 0x4300 | v is bf16(128 + v); the sum is exact
  const u32 pair = bf16_add(((word >> shift) & 0x000f000fu) | 0x43004300u, zero);
  return bf16_pair(bf16_low(pair) * scale, bf16_high(pair) * scale);
}

// The other of two neighbouring lanes' x.
DEVICE uint4 neighbour(const uint4& x) {
  return make_uint4(__shfl_xor_sync(FULL_WARP, x.x, 1), __shfl_xor_sync(FULL_WARP, x.y, 1),
                    __shfl_xor_sync(FULL_WARP, x.z, 1), __shfl_xor_sync(FULL_WARP, x.w, 1));
}

DEVICE uint4 choose(bool first, const uint4& a, const uint4& b) {
  return make_uint4(first ? a.x : b.x, first ? a.y : b.y, first ? a.z : b.z, first ? a.w : b.w);
}

// Int4 tiles of 64 outputs x 128 inputs to bf16 (outputs, inputs). Inputs lie in slabs, in a slab
// rows of tiles. Writes gridDim.y rows of tiles from first_row on to y. grid (inputs / 128, rows of
// tiles to write), block 128. f16_scales: type of the scales, f16 or bf16.
//
// A lane takes 16 inputs in a row of two outputs, which lie in the words of four lanes; it and its
// neighbour then exchange halves, so that each store of a warp fills whole sectors of 32 bytes:
// more than twice as fast as to store each word's pairs where they belong.
KERNEL void __launch_bounds__(128)
    int4_to_bf16(const u8* __restrict__ tiles, u16* __restrict__ y, int inputs, int slab_tiles,
                 int rows, int first_row, int f16_scales) {
  begin_kernel();
  const int column = blockIdx.x, thread = threadIdx.x, c = thread & 3;
  const int output = (thread >> 5) * 16 + ((thread & 31) >> 2);
  const u64 tile = ((u64)(column / slab_tiles) * rows + first_row + blockIdx.y) * slab_tiles +
                   column % slab_tiles;
  const u32* p = (const u32*)(tiles + tile * TILE_BYTES);
  u32 words[2][4];
#pragma unroll
  for (int half = 0; half < 2; half++) {
#pragma unroll
    for (int i = 0; i < 4; i++) words[half][i] = __ldcs(p + half * 512 + (thread - c + i) * 4 + c);
  }
  float scale[2];
  u32 zero[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const u32 word = __ldcs(p + 1024 + output + i * 8);
    scale[i] = f16_scales ? f16_float((u16)word) : bf16_low(word);
    zero[i] = ((word >> 16) | (word & 0xffff0000u)) ^ 0x80008000u;
  }
  const bool odd = c & 1;
  u16* to = y + (u64)(blockIdx.y * 64 + output) * inputs + column * 128 + (c >> 1) * 32 + odd * 8;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const u32(&w)[4] = words[half];
#pragma unroll
    for (int i = 0; i < 2; i++) {
      // nibble j: output + 8 for odd j, inputs + 8 for j & 2, the second of a pair for j & 4
      const uint4 low = make_uint4(
          int4_pair(w[0], 4 * i, zero[i], scale[i]), int4_pair(w[1], 4 * i, zero[i], scale[i]),
          int4_pair(w[2], 4 * i, zero[i], scale[i]), int4_pair(w[3], 4 * i, zero[i], scale[i]));
      const uint4 high = make_uint4(int4_pair(w[0], 4 * i + 8, zero[i], scale[i]),
                                    int4_pair(w[1], 4 * i + 8, zero[i], scale[i]),
                                    int4_pair(w[2], 4 * i + 8, zero[i], scale[i]),
                                    int4_pair(w[3], 4 * i + 8, zero[i], scale[i]));
      const uint4 other = neighbour(choose(odd, low, high));
      u16* at = to + (u64)(8 * i) * inputs + half * 64;
      *(uint4*)at = choose(odd, other, low);
      *(uint4*)(at + 16) = choose(odd, high, other);
    }
  }
}
