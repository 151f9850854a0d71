// Per-head norm of queries and keys, rotation by position, and the way of keys and values into the
// cache: any of the three, in one pass over a step's rows.
//
// A row of qkv is ordered by kv head: its query heads, its key head, its value head.
#include "prelude.cuh"
#include "eights.cuh"
#include "pages.cuh"
#include "sums.cuh"

#define HEADS_NORM 1
#define HEADS_ROTATE 2
#define HEADS_APPEND 4
// Write keys back to qkv: not needed where they go to the cache in the same pass.
#define HEADS_KEEP_KEYS 8

struct HeadsWork {
  u16* qkv;               // (rows, kv_heads * (group + 2) * HEAD_SIZE)
  const float* query_norm;  // (HEAD_SIZE)
  const float* key_norm;    // (HEAD_SIZE)
  const float* rotary;      // (positions, rotary_pitch): pairs cosines, then pairs sines
  const int* positions;     // (rows)
  const int* slots;         // (rows): page * PAGE_TOKENS + token in page, or -1 for a padding row
  u8* layer_pages;          // page 0 of the layer
  u64 page_stride;          // bytes from a page to the next
  int rows, kv_heads, group, pairs, rotary_pitch, flags;
  float epsilon;
};

// One warp a head, any size. grid covers rows * kv_heads * (group + 2) warps
KERNEL void __launch_bounds__(256) heads_any(HeadsWork w) {
  begin_kernel();
  int lane = threadIdx.x & 31;
  int unit = (blockIdx.x * blockDim.x + threadIdx.x) >> 5;
  int per_row = w.kv_heads * (w.group + 2);
  if (unit >= w.rows * per_row) return;
  int row = unit / per_row, head = unit % per_row;
  int kv_head = head / (w.group + 2), kind = head % (w.group + 2);
  bool is_value = kind == w.group + 1, is_key = kind == w.group;
  u16* x = w.qkv + (u64)row * per_row * HEAD_SIZE + (u64)head * HEAD_SIZE;
  int slot = (w.flags & HEADS_APPEND) && (is_key || is_value) ? w.slots[row] : -1;

  float scale = 1.f;
  const float* norm = is_key ? w.key_norm : w.query_norm;
  bool normed = (w.flags & HEADS_NORM) && !is_value;
  if (normed) {
    float squares = 0;
    for (int i = lane; i < HEAD_SIZE; i += 32) squares += bf16_float(x[i]) * bf16_float(x[i]);
    scale = rsqrtf(warp_sum(squares) / HEAD_SIZE + w.epsilon);
  }
  bool rotated = (w.flags & HEADS_ROTATE) && !is_value;
  bool kept = !is_value && (!is_key || (w.flags & HEADS_KEEP_KEYS));
  const float* cosines = rotated ? w.rotary + (u64)w.positions[row] * w.rotary_pitch : w.rotary;
  u8* page = w.layer_pages + (u64)(slot < 0 ? 0 : slot / PAGE_TOKENS) * w.page_stride +
             (u64)(kv_head * 2 + is_value) * PAGE_BYTES;
  u32 token = slot & (PAGE_TOKENS - 1);

  int pairs = rotated ? w.pairs : HEAD_SIZE / 2;
  for (int i = lane; i < HEAD_PITCH - pairs; i += 32) {
    // i below pairs: the pair (i, i + pairs); above: a lone element, or padding of the pitch
    bool pair = i < pairs;
    int at = pair ? i : i + pairs;
    float a = at < HEAD_SIZE ? bf16_float(x[at]) : 0.f, b = pair ? bf16_float(x[i + pairs]) : 0.f;
    if (normed && at < HEAD_SIZE) a *= scale * norm[at];
    if (normed && pair) b *= scale * norm[i + pairs];
    if (rotated && pair) {
      float c = cosines[i], s = cosines[pairs + i];
      float turned = a * c - b * s;
      b = b * c + a * s;
      a = turned;
    }
    if (kept && (w.flags & (HEADS_NORM | HEADS_ROTATE))) {
      if (at < HEAD_SIZE) x[at] = bf16_of(a);
      if (pair) x[i + pairs] = bf16_of(b);
    }
    if (slot >= 0) {
      *(u16*)(page + page_chunk(token, at >> 3) + (at & 7) * 2) = bf16_of(a);
      if (pair)
        *(u16*)(page + page_chunk(token, (i + pairs) >> 3) + ((i + pairs) & 7) * 2) = bf16_of(b);
    }
  }
}

#if HEAD_SIZE == 64 || HEAD_SIZE == 128
#define HEAD_LANES (HEAD_SIZE / 16)

// The same for whole rotation (pairs == HEAD_SIZE / 2): HEAD_LANES lanes a head, each with 8
// elements of either half. grid covers rows * kv_heads * (group + 2) * HEAD_LANES threads; block a
// multiple of 32.
//
// `load` gives 8 elements of a row of qkv from an offset on.
template <class LOAD>
DEVICE void rotate_heads(const HeadsWork& w, LOAD load) {
  int thread = blockIdx.x * blockDim.x + threadIdx.x;
  int unit = thread / HEAD_LANES, lane = thread % HEAD_LANES;
  int per_row = w.kv_heads * (w.group + 2);
  bool beyond = unit >= w.rows * per_row;
  if (beyond) unit = 0;
  int row = unit / per_row, head = unit % per_row;
  int kv_head = head / (w.group + 2), kind = head % (w.group + 2);
  bool is_value = kind == w.group + 1, is_key = kind == w.group;
  u16* x = w.qkv + (u64)row * per_row * HEAD_SIZE + (u64)head * HEAD_SIZE + lane * 8;
  int slot = (w.flags & HEADS_APPEND) && (is_key || is_value) ? w.slots[row] : -1;

  float a[8], b[8];
  load(row, head * HEAD_SIZE + lane * 8, a);
  load(row, head * HEAD_SIZE + HEAD_SIZE / 2 + lane * 8, b);
  if (w.flags & HEADS_NORM) {
    float squares = 0;
#pragma unroll
    for (int e = 0; e < 8; e++) squares += a[e] * a[e] + b[e] * b[e];
#pragma unroll
    for (int d = HEAD_LANES / 2; d > 0; d >>= 1)
      squares += __shfl_xor_sync(FULL_WARP, squares, d);
    if (!is_value) {
      float scale = rsqrtf(squares / HEAD_SIZE + w.epsilon);
      const float* norm = is_key ? w.key_norm : w.query_norm;
      float n[8];
      read8(norm + lane * 8, n);
#pragma unroll
      for (int e = 0; e < 8; e++) a[e] *= scale * n[e];
      read8(norm + HEAD_SIZE / 2 + lane * 8, n);
#pragma unroll
      for (int e = 0; e < 8; e++) b[e] *= scale * n[e];
    }
  }
  if (beyond) return;
  if ((w.flags & HEADS_ROTATE) && !is_value) {
    const float* cosines = w.rotary + (u64)w.positions[row] * HEAD_SIZE + lane * 8;
    float c[8], s[8];
    read8(cosines, c);
    read8(cosines + HEAD_SIZE / 2, s);
#pragma unroll
    for (int e = 0; e < 8; e++) {
      float turned = a[e] * c[e] - b[e] * s[e];
      b[e] = b[e] * c[e] + a[e] * s[e];
      a[e] = turned;
    }
  }
  const uint4 first = pack8(a), second = pack8(b);
  if (!is_value && (!is_key || (w.flags & HEADS_KEEP_KEYS))) {
    *(uint4*)x = first;
    *(uint4*)(x + HEAD_SIZE / 2) = second;
  }
  if (slot >= 0) {
    u8* page = w.layer_pages + (u64)(slot / PAGE_TOKENS) * w.page_stride +
               (u64)(kv_head * 2 + is_value) * PAGE_BYTES;
    u32 token = slot & (PAGE_TOKENS - 1);
    *(uint4*)(page + page_chunk(token, lane)) = first;
    *(uint4*)(page + page_chunk(token, HEAD_LANES + lane)) = second;
  }
}

KERNEL void __launch_bounds__(256) heads_vector(HeadsWork w) {
  begin_kernel();
  const u16* qkv = w.qkv;
  const u64 pitch = w.kv_heads * (w.group + 2) * HEAD_SIZE;
  rotate_heads(w, [&](int row, int at, float* v) {
    read8(qkv + row * pitch + at, v);
  });
}

// The same of a product left in parts; queries go to qkv.
KERNEL void __launch_bounds__(256) heads_sums(HeadsWork w, const ProductSums s) {
  begin_kernel();
  rotate_heads(w, [&](int row, int at, float (&v)[8]) { sum8(s, row, at, v); });
}
#endif
