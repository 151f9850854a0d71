// How keys and values of 8 bits lie in the cache: an element is a number times its token's scale.
//   page, layer, kv head, {keys, values}, token, head element: 8 bits
//   after a head's values: {keys, values}, token: float32 scales
// HEAD_PITCH is as in pages.cuh. The 16-byte chunks of a token's row are stored at another place of
// the row, so that ldmatrix reads eight rows without bank conflicts.
//
// Attention multiplies with the numbers, which bf16 holds exactly; a key's scale goes to the score,
// a value's to the weight.
#pragma once

// Bytes of one head's keys (or values) of a page, and of all of one head in a page.
#define NARROW_BYTES (PAGE_TOKENS * HEAD_PITCH)
#define NARROW_HEAD_BYTES (2 * NARROW_BYTES + 2 * PAGE_TOKENS * 4)

// Byte offset of a 16-byte chunk of a token's row.
DEVICE u32 narrow_chunk(u32 token, u32 chunk) {
  return token * HEAD_PITCH + ((chunk ^ (HEAD_PITCH == 128 ? token & 7 : token >> 1 & 3)) << 4);
}

// Integers of two's complement.
struct Int8 {
  static constexpr float TOP = 127.f;

  static DEVICE u32 narrow(float x) { return (u32)(int)rintf(x) & 0xff; }

  // The numbers in bytes 0 and 2, and those in bytes 1 and 3: 128 + the low 7 bits, less 128 or,
  // where the highest bit is set, less 256.
  static DEVICE void widen(u32 x, u32& even, u32& odd) {
    even = bf16_add((x & 0x007f007fu) | 0x43004300u, (x & 0x00800080u) | 0xc300c300u);
    x >>= 8;
    odd = bf16_add((x & 0x007f007fu) | 0x43004300u, (x & 0x00800080u) | 0xc300c300u);
  }
};

// e4m3: a sign, an exponent with bias 7, 3 bits of fraction; no infinities.
struct Fp8 {
  static constexpr float TOP = 448.f;

  // To the nearest, ties to even; |x| is at most a rounding error above TOP.
  static DEVICE u32 narrow(float x) {
    const u32 bits = __float_as_uint(x), magnitude = bits & 0x7fffffffu, sign = bits >> 24 & 0x80u;
    const float positive = __uint_as_float(magnitude);
    if (positive < 0.015625f) return sign | (u32)(int)rintf(positive * 512.f);
    const u32 rounded = (magnitude + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20;
    const u32 code = rounded - (120u << 3);
    return sign | (code < 0x7eu ? code : 0x7eu);
  }

  // As in Int8: exponent and fraction to their place in bf16, times 2^(127 - 7).
  static DEVICE void widen(u32 x, u32& even, u32& odd) {
    even = bf16_multiply((x & 0x00800080u) << 8 | (x & 0x007f007fu) << 4, 0x7b807b80u);
    odd = bf16_multiply((x & 0x80008000u) | (x >> 4 & 0x07f007f0u), 0x7b807b80u);
  }
};

// As Bf16Pages in pages.cuh. A register of ldmatrix holds four 8-bit numbers of a row, which make
// two operands; so a step's 16 elements are taken in another order, queries and results with them.
template <class Numbers>
struct NarrowPages {
  static constexpr int BYTES = NARROW_HEAD_BYTES;

  static DEVICE void query(const u16* q, int s, int c, u32& low, u32& high) {
    const int at = s * 16 + c * 4;
    const u32 first = at < HEAD_SIZE ? *(const u32*)(q + at) : 0;
    const u32 second = at < HEAD_SIZE ? *(const u32*)(q + at + 2) : 0;
    low = (first & 0xffffu) | second << 16;
    high = first >> 16 | (second & 0xffff0000u);
  }

  // Rows 0 to 7 and 8 to 15, of step s and of the next.
  static DEVICE u32 rows_address(u32 from, int token, int s) {
    const int lane = threadIdx.x & 31;
    return from + narrow_chunk(token + (lane & 15), s + (lane >> 4));
  }

  static DEVICE void key_rows(u32 (*a)[4], u32 page, int token, int s) {
    u32 r[4];
    load_matrices(r, rows_address(page, token, s));
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], a[k][0], a[k][2]);
      Numbers::widen(r[2 * k + 1], a[k][1], a[k][3]);
    }
  }

  static DEVICE void key_columns(u32 (*b)[4], u32 page, int token, int s) {
    u32 r[4];
    load_matrices(r, rows_address(page, token, s));
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], b[k][0], b[k][1]);
      Numbers::widen(r[2 * k + 1], b[k][2], b[k][3]);
    }
  }

  // Transposed by 16 bits: elements 2 g and 2 g + 1 of two tokens.
  static DEVICE void value_columns(u32 (*a)[4], u32 page, int token, int s) {
    u32 r[4];
    load_matrices_transposed(r, rows_address(page + NARROW_BYTES, token, s));
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], a[k][0], a[k][1]);
      Numbers::widen(r[2 * k + 1], a[k][2], a[k][3]);
    }
  }

  static DEVICE void value_rows(u32 (*b)[4], u32 page, int token, int s) {
    u32 r[4];
    load_matrices_transposed(r, rows_address(page + NARROW_BYTES, token, s));
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], b[k][0], b[k][2]);
      Numbers::widen(r[2 * k + 1], b[k][1], b[k][3]);
    }
  }

  static DEVICE int element(int s, int g, int upper) { return s * 16 + g * 2 + upper; }

  static DEVICE void put(u16* y, int s, int c, float a0, float a1, float b0, float b1) {
    const int at = s * 16 + c * 4;
    if (at >= HEAD_SIZE) return;
    *(u32*)(y + at) = bf16_pair(a0, b0);
    *(u32*)(y + at + 2) = bf16_pair(a1, b1);
  }

  static DEVICE float key_scale(const u8* page, int token) {
    return *(const float*)(page + 2 * NARROW_BYTES + token * 4);
  }
  static DEVICE float value_scale(const u8* page, int token) {
    return *(const float*)(page + 2 * NARROW_BYTES + PAGE_TOKENS * 4 + token * 4);
  }

  // Any 8 bits are a finite number: it is their scales that must not be what they happen to be.
  static DEVICE void clear(u8* page, u32 from) {
    const u32 token = from + threadIdx.x;
    if (token < PAGE_TOKENS) *(float*)(page + 2 * NARROW_BYTES + PAGE_TOKENS * 4 + token * 4) = 0.f;
  }
};
