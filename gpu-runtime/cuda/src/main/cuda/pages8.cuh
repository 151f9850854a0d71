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

// Keys and values of one head of a page in shared memory: where scales lie, and what is never read.
struct NarrowScales {
  static constexpr int BYTES = NARROW_HEAD_BYTES;
  static constexpr int TOKEN_BYTES = HEAD_PITCH;
  static constexpr int VALUES = NARROW_BYTES;  // where they start
  static constexpr int SCALE_BYTES = 2 * PAGE_TOKENS * 4;

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

// What decode attention takes from pages: each number is wanted by one warp, which widens it in
// registers. A register of ldmatrix holds four 8-bit numbers of a row, which make two operands; so a
// step's 16 elements are taken in another order, queries and results with them. As Bf16Pages.
template <class Numbers>
struct NarrowPages : NarrowScales {
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

  static constexpr int LOADED = 4;

  static DEVICE void load_keys(u32* r, u32 page, int token, int s) {
    load_matrices(r, rows_address(page, token, s));
  }

  // Transposed by 16 bits: elements 2 g and 2 g + 1 of two tokens.
  static DEVICE void load_values(u32* r, u32 page, int token, int s) {
    load_matrices_transposed(r, rows_address(page + NARROW_BYTES, token, s));
  }

  static DEVICE void key_rows(u32 (*a)[4], const u32* r) {
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], a[k][0], a[k][2]);
      Numbers::widen(r[2 * k + 1], a[k][1], a[k][3]);
    }
  }

  static DEVICE void value_columns(u32 (*a)[4], const u32* r) {
#pragma unroll
    for (int k = 0; k < 2; k++) {
      Numbers::widen(r[2 * k], a[k][0], a[k][1]);
      Numbers::widen(r[2 * k + 1], a[k][2], a[k][3]);
    }
  }

  static DEVICE int element(int s, int g, int upper) { return s * 16 + g * 2 + upper; }

  static DEVICE void cut(u32 (*)[4], int) {}

  static DEVICE void put_column(u16* y, int s, int c, u32 low, u32 high) {
    const int at = s * 16 + c * 4;
    if (at < HEAD_SIZE) {
      *(u32*)(y + at) = (low & 0xffffu) | high << 16;
      *(u32*)(y + at + 2) = low >> 16 | (high & 0xffff0000u);
    }
  }
};

// What prefill attention takes from pages: every number is wanted by all warps of a block, so the
// block widens a page once, to the bytes after the stages, where it lies as a page in bf16 does.
template <class Numbers>
struct WidenedPages : Bf16Pages {
  static constexpr int BYTES = NarrowScales::BYTES;
  static constexpr int WIDENED_BYTES = Bf16Pages::BYTES;

  static DEVICE float key_scale(const u8* page, int token) {
    return NarrowScales::key_scale(page, token);
  }
  static DEVICE float value_scale(const u8* page, int token) {
    return NarrowScales::value_scale(page, token);
  }
  static DEVICE void clear(u8* page, u32 from) { NarrowScales::clear(page, from); }

  // Called by the whole block, which synchronises after.
  static DEVICE void widen(const u8* page, u8* to) {
    constexpr int CHUNKS = HEAD_PITCH / 16;
    for (u32 i = threadIdx.x; i < 2 * PAGE_TOKENS * CHUNKS; i += blockDim.x) {
      const u32 token = i / CHUNKS % PAGE_TOKENS, chunk = i % CHUNKS;
      const u32 is_value = i / (CHUNKS * PAGE_TOKENS);
      const uint4 x = *(const uint4*)(page + is_value * NARROW_BYTES + narrow_chunk(token, chunk));
      u8* values = to + is_value * PAGE_BYTES;
      *(uint4*)(values + page_chunk(token, 2 * chunk)) = widen8(x.x, x.y);
      *(uint4*)(values + page_chunk(token, 2 * chunk + 1)) = widen8(x.z, x.w);
    }
  }

 private:
  static DEVICE uint4 widen8(u32 first, u32 second) {
    u32 even, odd;
    Numbers::widen(first, even, odd);
    const u32 a = (even & 0xffffu) | odd << 16, b = even >> 16 | (odd & 0xffff0000u);
    Numbers::widen(second, even, odd);
    return make_uint4(a, b, (even & 0xffffu) | odd << 16, even >> 16 | (odd & 0xffff0000u));
  }
};
