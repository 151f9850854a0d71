// The way of keys and values into pages of 8-bit numbers, after heads.cu has rotated the keys.
#include "prelude.cuh"
#include "pages.cuh"
#include "pages8.cuh"

#define LANE_ELEMENTS (HEAD_PITCH / 32)
// Below this TOP divided by it may overflow.
#define LEAST 7.888609052210118e-31f

struct AppendWork {
  const u16* qkv;    // (rows, kv_heads * (group + 2) * HEAD_SIZE)
  const int* slots;  // (rows): page * PAGE_TOKENS + token in page, or -1 for a padding row
  u8* layer_pages;   // page 0 of the layer
  u64 page_stride;   // bytes from a page to the next
  int rows, kv_heads, group;
};

// One warp a key or value.
template <class Numbers>
DEVICE void append(const AppendWork& w) {
  const int lane = threadIdx.x & 31, unit = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  if (unit >= w.rows * w.kv_heads * 2) return;
  const int is_value = unit & 1, kv_head = (unit >> 1) % w.kv_heads, row = (unit >> 1) / w.kv_heads;
  const int slot = w.slots[row];
  if (slot < 0) return;
  const u16* from = w.qkv + (((u64)row * w.kv_heads + kv_head) * (w.group + 2) + w.group + is_value) * HEAD_SIZE;

  const int at = lane * LANE_ELEMENTS;
  float x[LANE_ELEMENTS];
  u32 most = 0;  // of absolute values, as bits: NaN is the largest
#pragma unroll
  for (int i = 0; i < LANE_ELEMENTS; i++) {
    x[i] = at < HEAD_SIZE ? bf16_float(from[at + i]) : 0.f;
    most = max(most, __float_as_uint(x[i]) & 0x7fffffffu);
  }
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) most = max(most, __shfl_xor_sync(FULL_WARP, most, d));
  const float largest = __uint_as_float(most);
  const float factor = largest >= LEAST ? Numbers::TOP / largest : 0.f;
  u32 codes = 0;
#pragma unroll
  for (int i = 0; i < LANE_ELEMENTS; i++) codes |= Numbers::narrow(x[i] * factor) << (8 * i);

  u8* head = w.layer_pages + (u64)(slot / PAGE_TOKENS) * w.page_stride + (u64)kv_head * NARROW_HEAD_BYTES;
  const u32 token = slot & (PAGE_TOKENS - 1);
  u8* to = head + is_value * NARROW_BYTES + narrow_chunk(token, at / 16) + at % 16;
  if (LANE_ELEMENTS == 4)
    *(u32*)to = codes;
  else
    *(u16*)to = (u16)codes;
  if (lane == 0)
    *(float*)(head + 2 * NARROW_BYTES + (is_value * PAGE_TOKENS + token) * 4) = largest / Numbers::TOP;
}

// grid covers rows * kv_heads * 2 warps
KERNEL void __launch_bounds__(256) append_int8(AppendWork w) {
  begin_kernel();
  append<Int8>(w);
}

KERNEL void __launch_bounds__(256) append_fp8(AppendWork w) {
  begin_kernel();
  append<Fp8>(w);
}
