// Products with int4 weights: what w4.cu and w4_wide.cu have in common.
//
// Weights are the workspace's tiles: 64 outputs x 128 inputs, 4352 bytes (int4_to_bf16 in convert.cu
// and WeightLayout.INT4_TILES say how they lie). A thread's 16 bytes are its part of the left operand
// of a tensor-core product, so outputs are the rows of the products here and tokens their columns.
// (nibble - zero) is exact in bf16; the scale multiplies the float32 sum of each 128 inputs: of the
// weights nothing is rounded.
//
// The work is cut into units of 256 outputs x 128 inputs, in the order of the outputs, each output
// block's inputs in a row. Every thread block takes an equal run of units: all read the same number
// of bytes, whatever the shape. Where several took parts of an output block, each leaves its sums in
// memory, and whoever comes last adds them in the order of the inputs. The cut depends on the shape
// of W and the number of thread blocks alone: a token's result does not depend on its neighbours.
#pragma once

#define TILE_BYTES 4352
#define TILE_OUTPUTS 64
#define TILE_INPUTS 128
// Rows of tiles of a unit.
#define BLOCK_TILES 4
#define GROUP_THREADS 128

struct Int4Product {
  const u8* tiles;
  const u16* bias;   // (outputs) bf16, or null
  void* y;           // (tokens, y_pitch) bf16 or float32
  float4* partials;  // two sets of sums of a unit for each thread block
  u32* tickets;      // one for each of a unit's rows of tiles, all zero between launches
  int columns;       // columns of tiles: inputs / 128
  int slab_columns;  // of one slab
  int tile_rows;     // outputs / 64
  int y_pitch;
  int tokens;
  int first_token;
  int f16_scales;  // type of the scales: f16, or else bf16
  int float_y;
};

// The first unit of a share.
DEVICE int share_start(int share, int shares, int units) {
  return (int)((u64)share * (u64)units / (u64)shares);
}

// The share a unit is in.
DEVICE int share_of(int unit, int shares, int units) {
  return (int)(((u64)(unit + 1) * (u64)shares - 1) / (u64)units);
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

// Brings the sums of all shares of TILES rows of tiles from `tile` of an output block on together,
// by the 128 threads that hold those of one share. True where this share is the last, and `sum`
// complete.
template <int TOKENS, int TILES>
DEVICE bool join_shares(const Int4Product& p, float (&sum)[TILES][TOKENS / 2], int block, int tile,
                        int group, u32* is_last) {
  const int shares = gridDim.x, share = blockIdx.x;
  const int thread = threadIdx.x & (GROUP_THREADS - 1);
  const int units = unit_rows(p) * p.columns;
  const int start = block * p.columns;
  const int first = share_of(start, shares, units);
  const int last = share_of(start + p.columns - 1, shares, units);
  if (first == last) return true;
  const int groups = min(TOKENS, p.tokens - first_token<TOKENS>(p) + 7) / 8;
  const int set = BLOCK_TILES * (TOKENS / 8) * GROUP_THREADS;
  const int at = tile * (TOKENS / 8) * GROUP_THREADS + thread;
  // A share's first block may have begun in an earlier share, its last may end in a later one.
  int mine = 2 * share + (share_start(share, shares, units) < start);
  float4* all = p.partials + (u64)blockIdx.y * shares * 2 * set + at;
  float4* own = all + (u64)mine * set;
#pragma unroll
  for (int t = 0; t < TILES; t++) {
#pragma unroll
    for (int i = 0; i < TOKENS / 8; i++) {
      if (i < groups) {
        own[(t * (TOKENS / 8) + i) * GROUP_THREADS] = make_float4(
            sum[t][4 * i], sum[t][4 * i + 1], sum[t][4 * i + 2], sum[t][4 * i + 3]);
      }
    }
  }
  fence_device();
  group_sync(1 + group);
  if (thread == 0) {
    u32* ticket = p.tickets + (blockIdx.y * unit_rows(p) + block) * BLOCK_TILES + tile;
    u32 before = atomicAdd(ticket, 1u);
    is_last[group] = before == (u32)(last - first);
    if (is_last[group]) *ticket = 0;
  }
  group_sync(1 + group);
  if (!is_last[group]) return false;
  fence_device();
#pragma unroll
  for (int t = 0; t < TILES; t++) {
#pragma unroll
    for (int i = 0; i < TOKENS / 2; i++) sum[t][i] = 0.f;
  }
  for (int other = first; other <= last; other++) {
    int theirs = 2 * other + (share_start(other, shares, units) < start);
    const float4* from = all + (u64)theirs * set;
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
      for (int i = 0; i < TOKENS / 8; i++) {
        if (i < groups) {
          float4 v = __ldcg(from + (t * (TOKENS / 8) + i) * GROUP_THREADS);
          sum[t][4 * i] += v.x;
          sum[t][4 * i + 1] += v.y;
          sum[t][4 * i + 2] += v.z;
          sum[t][4 * i + 3] += v.w;
        }
      }
    }
  }
  return true;
}

// Writes a row of tiles' results: sum element 4 i + j is output r (+ 8 for j & 2), token 8 i + 2 c
// (+ 1 for j & 1).
template <int TOKENS>
DEVICE void write_results(const Int4Product& p, const float (&sum)[TOKENS / 2], int row) {
  const int thread = threadIdx.x & (GROUP_THREADS - 1);
  const int g = (thread & 31) >> 2, c = thread & 3;
  const int output = row * TILE_OUTPUTS + (thread >> 5) * 16;
  const int first = first_token<TOKENS>(p), left = p.tokens - first;
  float bias0 = 0.f, bias1 = 0.f;
  if (p.bias) {
    bias0 = bf16_float(p.bias[output + g]);
    bias1 = bf16_float(p.bias[output + g + 8]);
  }
#pragma unroll
  for (int i = 0; i < TOKENS / 8; i++) {
    if (8 * i >= left) break;
    const float s0 = sum[4 * i] + bias0, s1 = sum[4 * i + 1] + bias0;
    const float s2 = sum[4 * i + 2] + bias1, s3 = sum[4 * i + 3] + bias1;
    if (p.float_y) {
      float* y = (float*)p.y + (u64)(first + 8 * i + 2 * c) * p.y_pitch + output + g;
      if (8 * i + 2 * c < left) {
        y[0] = s0;
        y[8] = s2;
      }
      if (8 * i + 2 * c + 1 < left) {
        y[p.y_pitch] = s1;
        y[p.y_pitch + 8] = s3;
      }
    } else {
      // a token's outputs side by side
      const u32 low = transpose_matrix(bf16_pair(s0, s1));
      const u32 high = transpose_matrix(bf16_pair(s2, s3));
      u16* y = (u16*)p.y + (u64)(first + 8 * i + g) * p.y_pitch + output + 2 * c;
      if (8 * i + g < left) {
        *(u32*)y = low;
        *(u32*)(y + 8) = high;
      }
    }
  }
}

// Joins and writes TILES rows of tiles of an output block.
template <int TOKENS, int TILES>
DEVICE void join_and_write(const Int4Product& p, float (&sum)[TILES][TOKENS / 2], int block,
                           int tile, int group, u32* is_last) {
  const int row = block * BLOCK_TILES + tile;
  if (row >= p.tile_rows || !join_shares<TOKENS, TILES>(p, sum, block, tile, group, is_last)) return;
#pragma unroll
  for (int t = 0; t < TILES; t++) {
    if (row + t < p.tile_rows) write_results<TOKENS>(p, sum[t], row + t);
  }
}

#if WGMMA
// GROUPS groups of four warps multiply, one more brings tiles and tokens through a ring of STAGES
// stages; a stage holds 128 inputs of TOKENS tokens and of TILES rows of tiles a group. Each group
// keeps two products apart, so that while the tensor cores work on one the weights of the next are
// made (of 128 tokens, one: its registers do not suffice for two).
template <int TOKENS_, int GROUPS_, int TILES_, int STAGES_>
struct Ring {
  static const int TOKENS = TOKENS_, GROUPS = GROUPS_, TILES = TILES_, STAGES = STAGES_;
  static const int X_BYTES = TOKENS * TILE_INPUTS * 2;
  static const int TILES_IN_STAGE = GROUPS * TILES;
  static const int STAGE_BYTES = (X_BYTES + TILES_IN_STAGE * TILE_BYTES + 1023) / 1024 * 1024;
  // Times a block's units are walked, for some of its rows of tiles each.
  static const int PASSES = BLOCK_TILES / TILES_IN_STAGE;
  static const bool TWO_PRODUCTS = TOKENS <= 64;
  // Registers a thread. A block can only move those it was launched with, which is a multiple of 8
  // for each thread: to ask for more than the others have given up is to wait for ever.
  static const int REGISTERS_AT_LAUNCH = 65536 / ((GROUPS + 1) * GROUP_THREADS) / 8 * 8;
  static const int REGISTERS_TO_BRING = 24;
  static const int REGISTERS =
      (REGISTERS_AT_LAUNCH * (GROUPS + 1) - REGISTERS_TO_BRING) / GROUPS / 8 * 8;

  u8* shared;
  int stage;
  u32 phase;

  DEVICE void start() {
    if (threadIdx.x == 0) {
      for (int s = 0; s < STAGES; s++) {
        barrier_init(filled(s));
        barrier_init_many(freed(s), GROUPS * 4);
      }
      barrier_init_fence();
    }
    __syncthreads();
  }
  DEVICE u32 filled(int s) { return shared_address(shared + STAGES * STAGE_BYTES + 8 * s); }
  DEVICE u32 freed(int s) { return filled(STAGES + s); }
  DEVICE u32* flags() { return (u32*)(shared + STAGES * STAGE_BYTES + 16 * STAGES); }
  DEVICE u8* bytes() { return shared + stage * STAGE_BYTES; }
  DEVICE void advance() {
    if (++stage == STAGES) {
      stage = 0;
      phase ^= 1;
    }
  }
};

template <class R>
DEVICE void bring(R& ring, const TensorMap& x, const Int4Product& p, int begin, int end) {
  ring.phase = 1;
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    for (int pass = 0; pass < R::PASSES; pass++) {
      for (int column = unit - block * p.columns; column < stop - block * p.columns; column++) {
        barrier_wait(ring.freed(ring.stage), ring.phase);
        const u32 to = shared_address(ring.bytes()), filled = ring.filled(ring.stage);
        barrier_expect(filled, R::X_BYTES + R::TILES_IN_STAGE * TILE_BYTES);
#pragma unroll
        for (int i = 0; i < R::TILES_IN_STAGE; i++) {
          // rows behind the last are worked on and not written
          int row = min(block * BLOCK_TILES + pass * R::TILES_IN_STAGE + i, p.tile_rows - 1);
          copy_bulk_once(to + R::X_BYTES + i * TILE_BYTES, tile_address(p, row, column), TILE_BYTES,
                         filled);
        }
        copy_box(to, x, column * TILE_INPUTS, first_token<R::TOKENS>(p), filled);
        copy_box(to + R::X_BYTES / 2, x, column * TILE_INPUTS + 64, first_token<R::TOKENS>(p), filled);
        ring.advance();
      }
    }
    unit = stop;
  }
}
#endif
