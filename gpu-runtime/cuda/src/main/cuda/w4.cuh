// Products with int4 weights: what w4.cu and w4_wide.cu have in common.
//
// Weights are the workspace's tiles: 64 outputs x 128 inputs, 4352 bytes (int4_to_bf16 in convert.cu
// and WeightLayout.INT4_TILES say how they lie). A thread's 16 bytes are its part of the left operand
// of a tensor-core product, so outputs are the rows of the products here and tokens their columns.
// (nibble - zero) is exact in bf16; the scale multiplies the float32 sum of each 128 inputs: of the
// weights nothing is rounded.
//
// How the work is cut, and why what thread blocks leave is added in one order, sums.cuh says. Of few
// tokens all is left to whoever reads the product (ProductSums); of more, an output block that one
// share has whole is written at once, and w4_join adds the others. (To leave that to whoever came last
// cost 20 us and more: few thread blocks read what all had written.)
#pragma once

#include "sums.cuh"

#define TILE_BYTES 4352
#define TILE_OUTPUTS 64
#define TILE_INPUTS 128
// Rows of tiles of a unit.
#define BLOCK_TILES 4
#define GROUP_THREADS 128
// Units whose weights come before what runs ahead has ended. More would be in the way of that: of all a
// ring holds, a decode layer took 5 us longer.
#define EARLY_UNITS 3

struct Int4Product {
  const u8* tiles;
  const u16* bias;   // (outputs) bf16, or null
  void* y;           // (tokens, y_pitch) bf16 or float32
  float4* partials;  // what thread blocks leave: two sets of sums each; of few tokens ProductSums
  int columns;       // columns of tiles: inputs / 128
  int slab_columns;  // of one slab
  int tile_rows;     // outputs / 64
  int y_pitch;
  int tokens;
  int first_token;
  int f16_scales;  // type of the scales: f16, or else bf16
  int float_y;
};

// Weights in registers are bf16((nibble - zero) / 64). Bits 0 to 7 of a bf16 count evenly, in steps of
// 2^-133: the nibble v at bits 0 to 3, alone, is v times that, subnormal, and that at bits 4 to 7 is
// 16 v times. One product with a power of two and sum makes weights of both, exactly.
#define WEIGHT_PARTS 64.f
// Of nibbles at bits 0 and 16, and at bits 4 and 20. zero: that of their row, as zero_pair gives it.
DEVICE u32 low_weights(u32 x, u32 zero) { return bf16_fma(x & 0x000f000fu, 0x7f007f00u, zero); }
DEVICE u32 high_weights(u32 x, u32 zero) { return bf16_fma(x & 0x00f000f0u, 0x7d007d00u, zero); }

// -zero / 64, twice, of the word of a row: 2 - (128 + zero) / 64.
DEVICE u32 zero_pair(u32 word) {
  return bf16_fma(__byte_perm(word, 0, 0x3232), 0xbc80bc80u, 0x40004000u);
}

// What a row's sum of products with weights in registers is to be multiplied by; and the same but for
// WEIGHT_PARTS.
DEVICE float scale_of_parts(u32 word, int f16_scales) {
  return f16_scales ? f16_float((u16)word) : bf16_low(word);
}
DEVICE float scale_of(u32 word, int f16_scales) {
  return WEIGHT_PARTS * scale_of_parts(word, f16_scales);
}

// A thread's part of 16 inputs of a tile: rows r and r + 8 of its warp in turn.
DEVICE void make_weights(u32 word, const u32 (&zero)[2], u32 (&a)[4]) {
  a[0] = low_weights(word, zero[0]);
  a[1] = high_weights(word, zero[1]);
  a[2] = low_weights(word >> 8, zero[0]);
  a[3] = high_weights(word >> 8, zero[1]);
}

DEVICE const u8* tile_address(const Int4Product& p, int row, int column) {
  int slab = column / p.slab_columns;
  u64 tile = ((u64)slab * p.tile_rows + row) * p.slab_columns + (column - slab * p.slab_columns);
  return p.tiles + tile * TILE_BYTES;
}

// Of the TOKENS tokens a thread block works on; blockIdx.y counts on by so many.
template <int TOKENS>
DEVICE int first_token(const Int4Product& p) {
  return p.first_token + blockIdx.y * TOKENS;
}

// Rows of tiles in units: the last unit's may be beyond the matrix.
DEVICE int unit_rows(const Int4Product& p) {
  return (p.tile_rows + BLOCK_TILES - 1) / BLOCK_TILES;
}

// The shares that took parts of an output block.
struct Parts {
  int first, last;
  bool early;  // the first began with the block before

  DEVICE Parts(const Int4Product& p, int block, int shares) {
    const int units = unit_rows(p) * p.columns, start = block * p.columns;
    first = share_of(start, shares, units);
    last = share_of(start + p.columns - 1, shares, units);
    early = share_start(first, shares, units) < start;
  }
  // Which of the sets of sums a share left for this block: its first block may have begun in an
  // earlier share, its last may end in a later one.
  DEVICE int set(int share) const { return 2 * share + (share == first && early); }
};

DEVICE float4 four(const float* x) { return make_float4(x[0], x[1], x[2], x[3]); }

// Where the sums of a set's row of tiles and eight tokens are, of a box of so many tokens.
DEVICE float4* partial(const Int4Product& p, int set, int tokens, int tile, int eight,
                       int thread) {
  return p.partials + ((u64)(set * BLOCK_TILES + tile) * (tokens / 8) + eight) * GROUP_THREADS + thread;
}

// Writes results of a row of tiles and eight tokens from `token` on: v.x and v.y are output r, v.z
// and v.w r + 8; token 2 c and one more.
DEVICE void write_eight(const Int4Product& p, float4 v, int row, int token, int thread) {
  const int g = (thread & 31) >> 2, c = thread & 3;
  const int output = row * TILE_OUTPUTS + (thread >> 5) * 16;
  const int left = p.tokens - token;
  if (p.bias) {
    const float bias0 = bf16_float(p.bias[output + g]), bias1 = bf16_float(p.bias[output + g + 8]);
    v = make_float4(v.x + bias0, v.y + bias0, v.z + bias1, v.w + bias1);
  }
  if (p.float_y) {
    float* y = (float*)p.y + (u64)(token + 2 * c) * p.y_pitch + output + g;
    if (2 * c < left) {
      y[0] = v.x;
      y[8] = v.z;
    }
    if (2 * c + 1 < left) {
      y[p.y_pitch] = v.y;
      y[p.y_pitch + 8] = v.w;
    }
  } else {
    // a token's outputs side by side
    const u32 low = transpose_matrix(bf16_pair(v.x, v.y));
    const u32 high = transpose_matrix(bf16_pair(v.z, v.w));
    u16* y = (u16*)p.y + (u64)(token + g) * p.y_pitch + output + 2 * c;
    if (g < left) {
      *(u32*)y = low;
      *(u32*)(y + 8) = high;
    }
  }
}

// Writes a share's TILES rows of tiles of an output block, or leaves them to w4_join.
template <int TOKENS, int TILES>
DEVICE void write_share(const Int4Product& p, const float (&sum)[TILES][TOKENS / 2], int block,
                        int tile) {
  const int thread = thread_now() & (GROUP_THREADS - 1);
  const int first = first_token<TOKENS>(p), eights = min(TOKENS, p.tokens - first + 7) / 8;
  const int tiles = min(TILES, p.tile_rows - block * BLOCK_TILES - tile);
  const Parts parts(p, block, gridDim.x);
  if (parts.first == parts.last) {
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
      for (int i = 0; i < TOKENS / 8; i++) {
        if (t < tiles && i < eights) {
          write_eight(p, four(sum[t] + 4 * i), block * BLOCK_TILES + tile + t, first + 8 * i, thread);
        }
      }
    }
    return;
  }
  const int set = blockIdx.y * gridDim.x * 2 + parts.set(blockIdx.x);
  float4* to = partial(p, set, TOKENS, tile, 0, thread);
#pragma unroll
  for (int t = 0; t < TILES; t++) {
#pragma unroll
    for (int i = 0; i < TOKENS / 8; i++) {
      if (t < tiles && i < eights) to[(t * (TOKENS / 8) + i) * GROUP_THREADS] = four(sum[t] + 4 * i);
    }
  }
}

#if WGMMA
// GROUPS groups of four warps multiply what comes through a ring of stages; a stage holds a unit:
// 128 inputs of TOKENS tokens and of TILES rows of tiles a group. A stage's two barriers are at its end,
// for whoever goes by the address of a stage alone, or behind all stages.
template <int TOKENS_, int GROUPS_, int TILES_, bool BARRIERS_INSIDE = false>
struct Ring {
  static const int TOKENS = TOKENS_, GROUPS = GROUPS_, TILES = TILES_;
  static const int X_BYTES = TOKENS * TILE_INPUTS * 2;
  static const int STAGE_BYTES =
      (X_BYTES + BLOCK_TILES * TILE_BYTES + (BARRIERS_INSIDE ? 16 : 0) + 1023) / 1024 * 1024;
  static const int FILLED = STAGE_BYTES - 16, FREED = STAGE_BYTES - 8;  // in a stage

  u8* shared;
  int stages;
  int stage;
  u32 phase;

  // By all threads.
  DEVICE void start() {
    static_assert(GROUPS * TILES == BLOCK_TILES, "a stage holds a unit");
    if (threadIdx.x == 0) {
      for (int s = 0; s < stages; s++) {
        barrier_init(filled(s));
        barrier_init_many(freed(s), GROUPS * 4);
      }
      barrier_init_fence();
    }
    __syncthreads();
  }
  DEVICE u32 barrier(int s, int inside, int behind) const {
    return shared_address(shared) +
           (BARRIERS_INSIDE ? s * STAGE_BYTES + inside : stages * STAGE_BYTES + 8 * behind);
  }
  DEVICE u32 filled(int s) const { return barrier(s, FILLED, s); }
  DEVICE u32 freed(int s) const { return barrier(s, FREED, stages + s); }
  DEVICE u32 filled() const { return filled(stage); }
  DEVICE u32 freed() const { return freed(stage); }
  DEVICE u8* bytes() const { return shared + stage * STAGE_BYTES; }
  DEVICE void advance() {
    if (++stage == stages) {
      stage = 0;
      phase ^= 1;
    }
  }
};

// Brings unit after unit to a ring, by one warp. Addresses are made from those before: what divisions
// take, a unit does not have.
template <class R>
struct Bringer {
  const TensorMap& x;
  const Int4Product& p;
  const bool chosen;  // the lane that starts copies
  R ring;
  const u8* from;  // the unit's first tile
  int block, column;
  int left;  // columns of the slab from here on

  DEVICE void seek(int unit) {
    block = unit / p.columns;
    column = unit - block * p.columns;
    seek();
  }
  DEVICE void seek() {
    from = tile_address(p, block * BLOCK_TILES, column);
    left = p.slab_columns - column % p.slab_columns;
  }
  DEVICE void bring_tiles() {
    const u32 filled = ring.filled(), to = shared_address(ring.bytes()) + R::X_BYTES;
    const int last = p.tile_rows - 1 - block * BLOCK_TILES;
    if (chosen) {
      barrier_expect(filled, R::X_BYTES + BLOCK_TILES * TILE_BYTES);
#pragma unroll
      for (int i = 0; i < BLOCK_TILES; i++) {
        // rows behind the last are worked on and not written
        const u64 row = min(i, last) * p.slab_columns;
        copy_bulk_once(to + i * TILE_BYTES, from + row * TILE_BYTES, TILE_BYTES, filled);
      }
    }
    from += TILE_BYTES;
    column++;
    if (--left == 0) {
      if (column == p.columns) {
        column = 0;
        block++;
      }
      seek();
    }
  }
  DEVICE void bring_tokens(int of_column) {
    const u32 filled = ring.filled(), to = shared_address(ring.bytes());
    const int at = of_column * TILE_INPUTS;
    if (chosen) {
      copy_box(to, x, at, first_token<R::TOKENS>(p), filled);
      copy_box(to + R::X_BYTES / 2, x, at + 64, first_token<R::TOKENS>(p), filled);
    }
  }
  // Units from `begin` to before `end`, then those from `begin2` to before `end2`. Weights do not depend
  // on what runs before: the first come while that ends. `brought(unit)` is called after each.
  template <class F>
  DEVICE void run(int begin, int end, int begin2, int end2, F brought) {
    const R empty = ring;
    const int jump = end - begin, units = jump + end2 - begin2;
    const int early = min(units, min(ring.stages, EARLY_UNITS));
    int columns[EARLY_UNITS];
    seek(jump > 0 ? begin : begin2);
#pragma unroll
    for (int i = 0; i < EARLY_UNITS; i++) {
      if (i < early) {
        if (i > 0 && i == jump) seek(begin2);
        columns[i] = column;
        bring_tiles();
        ring.advance();
      }
    }
    await_earlier();
    ring = empty;
#pragma unroll
    for (int i = 0; i < EARLY_UNITS; i++) {
      if (i < early) {
        bring_tokens(columns[i]);
        ring.advance();
      }
    }
    for (int i = early; i < units; i++, ring.advance()) {
      barrier_wait(ring.freed(), ring.phase ^ 1);
      if (i == jump) seek(begin2);
      const int of_column = column;
      bring_tiles();
      bring_tokens(of_column);
      brought(i);
    }
  }
  DEVICE void run(int begin, int end) {
    run(begin, end, end, end, [](int) {});
  }
};
#endif
