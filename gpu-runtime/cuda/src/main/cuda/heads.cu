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
// What a thread has of a head: LENGTH elements of either half, so that pairs are together, and so many
// lanes have a head.
template <int LENGTH>
struct HalfHeads {
  static const int LANES = HEAD_SIZE / 2 / LENGTH;
  const HeadsWork& w;
  int row, head;
  int at;  // of the first half in the head
  bool beyond;

  DEVICE HalfHeads(const HeadsWork& w) : w(w) {
    const int thread = blockIdx.x * blockDim.x + threadIdx.x, per_row = w.kv_heads * (w.group + 2);
    const int unit = thread / LANES;
    beyond = unit >= w.rows * per_row;
    row = beyond ? 0 : unit / per_row;
    head = beyond ? 0 : unit % per_row;
    at = thread % LANES * LENGTH;
  }

  // Its elements of the first half in qkv.
  DEVICE u16* place() const {
    return w.qkv + ((u64)row * w.kv_heads * (w.group + 2) + head) * HEAD_SIZE + at;
  }

  // The same as heads_any for whole rotation (pairs == HEAD_SIZE / 2).
  DEVICE void put(float (&x)[2][LENGTH]) const {
    const int kv_head = head / (w.group + 2), kind = head % (w.group + 2);
    const bool is_value = kind == w.group + 1, is_key = kind == w.group;
    const int slot = (w.flags & HEADS_APPEND) && (is_key || is_value) ? w.slots[row] : -1;
    if (w.flags & HEADS_NORM) {
      float squares = 0;
#pragma unroll
      for (int e = 0; e < LENGTH; e++) squares += x[0][e] * x[0][e] + x[1][e] * x[1][e];
#pragma unroll
      for (int d = LANES / 2; d > 0; d >>= 1) squares += __shfl_xor_sync(FULL_WARP, squares, d);
      if (!is_value) {
        const float scale = rsqrtf(squares / HEAD_SIZE + w.epsilon);
        const float* norm = is_key ? w.key_norm : w.query_norm;
#pragma unroll
        for (int half = 0; half < 2; half++) {
          float n[LENGTH];
          read_run(norm + half * (HEAD_SIZE / 2) + at, n);
#pragma unroll
          for (int e = 0; e < LENGTH; e++) x[half][e] *= scale * n[e];
        }
      }
    }
    if (beyond) return;
    if ((w.flags & HEADS_ROTATE) && !is_value) {
      const float* cosines = w.rotary + (u64)w.positions[row] * HEAD_SIZE + at;
      float c[LENGTH], s[LENGTH];
      read_run(cosines, c);
      read_run(cosines + HEAD_SIZE / 2, s);
#pragma unroll
      for (int e = 0; e < LENGTH; e++) {
        const float turned = x[0][e] * c[e] - x[1][e] * s[e];
        x[1][e] = x[1][e] * c[e] + x[0][e] * s[e];
        x[0][e] = turned;
      }
    }
    if (!is_value && (!is_key || (w.flags & HEADS_KEEP_KEYS))) {
      write_run(place(), x[0]);
      write_run(place() + HEAD_SIZE / 2, x[1]);
    }
    if (slot >= 0) {
      u8* page = w.layer_pages + (u64)(slot / PAGE_TOKENS) * w.page_stride +
                 (u64)(kv_head * 2 + is_value) * PAGE_BYTES;
      const u32 token = slot & (PAGE_TOKENS - 1);
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int element = half * (HEAD_SIZE / 2) + at;
        write_run((u16*)(page + page_chunk(token, element / 8)) + element % 8, x[half]);
      }
    }
  }
};

// grid covers rows * kv_heads * (group + 2) * LANES threads; block a multiple of 32
KERNEL void __launch_bounds__(256) heads_vector(HeadsWork w) {
  begin_kernel();
  const HalfHeads<8> heads(w);
  float x[2][8];
  read8(heads.place(), x[0]);
  read8(heads.place() + HEAD_SIZE / 2, x[1]);
  heads.put(x);
}

// The same of a product left in parts; queries go to qkv.
KERNEL void __launch_bounds__(128) heads_sums(HeadsWork w, const ProductSums s) {
  let_next_start();
  const HalfHeads<4> heads(w);
  const Summands summands(s, heads.row, heads.head * HEAD_SIZE + heads.at);
  await_earlier();
  float x[2][4];
  summands.sum<5>(x, HEAD_SIZE / 2);
  heads.put(x);
}
#endif
