// How keys and values lie in the cache.
//
// A page holds HEAD_TOKENS tokens of one sequence for all layers and heads of the rank:
//   page, layer, kv head, {keys, values}, token, head element: bf16
// A head is HEAD_PITCH elements wide: HEAD_SIZE rounded up to 64 or 128, the rest zeros. The 16-byte
// chunks of a token's row are stored at chunk ^ (token & 7), so that a page copied to shared memory
// as it lies can be read by ldmatrix without bank conflicts.
#pragma once

#ifndef HEAD_SIZE
#error "HEAD_SIZE: elements of a head"
#endif

#define PAGE_TOKENS 64
#define HEAD_PITCH (HEAD_SIZE <= 64 ? 64 : 128)
#define HEAD_CHUNKS (HEAD_PITCH / 8)
// Bytes of one head's keys (or values) of a page.
#define PAGE_BYTES (PAGE_TOKENS * HEAD_PITCH * 2)

// Byte offset of a 16-byte chunk of a token's row.
DEVICE u32 page_chunk(u32 token, u32 chunk) {
  return token * (HEAD_PITCH * 2) + ((chunk ^ (token & 7)) << 4);
}

// Steps of 16 elements.
#define STEPS (HEAD_PITCH / 16)

// Starts this block's copies of a page into shared memory, for which copy_commit and copy_wait are.
template <int BYTES, int THREADS>
DEVICE void copy_page(const u8* from, u32 to) {
  constexpr int WHOLE = BYTES / 16 / THREADS;
#pragma unroll
  for (int i = 0; i < WHOLE; i++) {
    int at = (i * THREADS + threadIdx.x) * 16;
    copy_async16(to + at, from + at);
  }
  if (WHOLE * THREADS * 16 < BYTES) {
    int at = (WHOLE * THREADS + threadIdx.x) * 16;
    if (at < BYTES) copy_async16(to + at, from + at);
  }
}

// Keys and values of one head of a page in shared memory, as operands of products with bf16.
// Operands come for two steps from s on, which is even: what 8-bit pages load at once.
struct Bf16Pages {
  static constexpr int BYTES = 2 * PAGE_BYTES;
  static constexpr int TOKEN_BYTES = HEAD_PITCH * 2;
  static constexpr int VALUES = PAGE_BYTES;  // where they start
  static constexpr int SCALE_BYTES = 0;
  // Shared memory for a page made ready for operands: none, it is.
  static constexpr int WIDENED_BYTES = 0;

  // The elements of a query that belong to lane position c of step s.
  static DEVICE void query(const u16* q, int s, int c, u32& low, u32& high) {
    int at = s * 16 + c * 2;
    low = at < HEAD_SIZE ? *(const u32*)(q + at) : 0;
    high = at + 8 < HEAD_SIZE ? *(const u32*)(q + at + 8) : 0;
  }

  // Registers that two steps' keys or values are loaded into.
  static constexpr int LOADED = 8;

  static DEVICE void load_keys(u32* r, u32 page, int token, int s) {
    const int lane = threadIdx.x & 31, row = token + (lane & 15);
    load_matrices(r, page + page_chunk(row, s * 2 + (lane >> 4)));
    load_matrices(r + 4, page + page_chunk(row, s * 2 + 2 + (lane >> 4)));
  }

  static DEVICE void load_values(u32* r, u32 page, int token, int s) {
    const int lane = threadIdx.x & 31, row = token + (lane & 7) + ((lane >> 4) << 3);
    const u32 values = page + PAGE_BYTES;
    load_matrices_transposed(r, values + page_chunk(row, s * 2 + ((lane >> 3) & 1)));
    load_matrices_transposed(r + 4, values + page_chunk(row, s * 2 + 2 + ((lane >> 3) & 1)));
  }

  // A operands: 16 tokens by 16 elements of keys.
  static DEVICE void key_rows(u32 (*a)[4], const u32* r) {
#pragma unroll
    for (int i = 0; i < 8; i++) a[i >> 2][i & 3] = r[i];
  }

  // A operands: 16 elements by 16 tokens of values; `element` says which.
  static DEVICE void value_columns(u32 (*a)[4], const u32* r) { key_rows(a, r); }

  // B operands: 16 elements by 8 tokens of keys, then by the 8 after.
  static DEVICE void key_columns(u32 (*b)[4], u32 page, int token, int s) {
    const int lane = threadIdx.x & 31, row = token + (lane & 7) + ((lane >> 4) << 3);
    load_matrices(b[0], page + page_chunk(row, s * 2 + ((lane >> 3) & 1)));
    load_matrices(b[1], page + page_chunk(row, s * 2 + 2 + ((lane >> 3) & 1)));
  }

  // B operands: 16 tokens by 8 elements of values, then by 8 others; `put` says which.
  static DEVICE void value_rows(u32 (*b)[4], u32 page, int token, int s) {
    const int lane = threadIdx.x & 31, row = token + (lane & 15);
    const u32 values = page + PAGE_BYTES;
    load_matrices_transposed(b[0], values + page_chunk(row, s * 2 + (lane >> 4)));
    load_matrices_transposed(b[1], values + page_chunk(row, s * 2 + 2 + (lane >> 4)));
  }

  // Zeros the tokens from `tokens` on of what value_columns gave: they were not fetched, and
  // 0 * NaN is NaN.
  static DEVICE void cut(u32 (*a)[4], int tokens) {
    const int c = threadIdx.x & 3;
    u32 keep[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int token = half * 8 + c * 2;
      keep[half] = (token < tokens ? 0xffffu : 0) | (token + 1 < tokens ? 0xffff0000u : 0);
    }
#pragma unroll
    for (int k = 0; k < 2; k++)
#pragma unroll
      for (int i = 0; i < 4; i++) a[k][i] &= keep[i >> 1];
  }

  // The element in row g, or g + 8, of a product with value_columns.
  static DEVICE int element(int s, int g, int upper) { return s * 16 + g + upper * 8; }

  // Stores rows 2 c and 2 c + 1, and 2 c + 8 and 2 c + 9, of a product with value_columns of step s.
  static DEVICE void put_column(u16* y, int s, int c, u32 low, u32 high) {
    const int at = s * 16 + c * 2;
    if (at < HEAD_SIZE) *(u32*)(y + at) = low;
    if (at + 8 < HEAD_SIZE) *(u32*)(y + at + 8) = high;
  }

  // Stores columns 2 c and 2 c + 1 of both products with value_rows of step s.
  static DEVICE void put(u16* y, int s, int c, float a0, float a1, float b0, float b1) {
    int at = s * 16 + c * 2;
    if (at < HEAD_SIZE) *(u32*)(y + at) = bf16_pair(a0, a1);
    if (at + 8 < HEAD_SIZE) *(u32*)(y + at + 8) = bf16_pair(b0, b1);
  }

  // What a token's products are multiplied by.
  static DEVICE float key_scale(const u8*, int) { return 1.f; }
  static DEVICE float value_scale(const u8*, int) { return 1.f; }

  // Zeros the values of tokens from `from` on. What lies there was never written for this sequence:
  // it may be anything, and 0 * NaN is NaN. Called by the whole block, which synchronises after.
  static DEVICE void clear(u8* page, u32 from) {
    for (u32 at = from * HEAD_PITCH * 2 + threadIdx.x * 16; at < PAGE_BYTES; at += blockDim.x * 16)
      *(uint4*)(page + PAGE_BYTES + at) = make_uint4(0, 0, 0, 0);
  }
};
