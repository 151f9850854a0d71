// y = x W^T + bias with int4 weights, read once and made bf16 in registers.
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
// of W and the number of thread blocks alone: a token's result does not depend on its neighbours,
// nor on how many there are.
#include "prelude.cuh"
#include "wgmma.cuh"

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
  u32* tickets;      // one a row of tiles, all zero between launches
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

// A thread's part of a tile in shared memory: nibble - zero for rows r and r + 8 of its warp, and
// their scales.
DEVICE void load_weights(const u8* tile, int thread, int f16_scales, u32 (&a)[8][4],
                         float (&scale)[2]) {
  const int row = (thread >> 5) * 16 + ((thread & 31) >> 2);
  const uint4 low = *(const uint4*)(tile + thread * 16);
  const uint4 high = *(const uint4*)(tile + 2048 + thread * 16);
  const u32 first = *(const u32*)(tile + 4096 + row * 4);
  const u32 second = *(const u32*)(tile + 4096 + row * 4 + 32);
  scale[0] = f16_scales ? f16_float((u16)first) : bf16_low(first);
  scale[1] = f16_scales ? f16_float((u16)second) : bf16_low(second);
  // -(128 + zero), twice
  const u32 zero0 = ((first >> 16) | (first & 0xffff0000u)) ^ 0x80008000u;
  const u32 zero1 = ((second >> 16) | (second & 0xffff0000u)) ^ 0x80008000u;
  const u32 words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int k = 0; k < 8; k++) {
    // 0x4300 | v is bf16(128 + v)
    a[k][0] = bf16_add((words[k] & 0x000f000fu) | 0x43004300u, zero0);
    a[k][1] = bf16_add(((words[k] >> 4) & 0x000f000fu) | 0x43004300u, zero1);
    a[k][2] = bf16_add(((words[k] >> 8) & 0x000f000fu) | 0x43004300u, zero0);
    a[k][3] = bf16_add(((words[k] >> 12) & 0x000f000fu) | 0x43004300u, zero1);
  }
}

// sum += scale * product, each element by the scale of its row.
template <int LENGTH>
DEVICE void add_scaled(float (&sum)[LENGTH], const float (&product)[LENGTH],
                       const float (&scale)[2]) {
#pragma unroll
  for (int i = 0; i < LENGTH; i++) sum[i] += scale[(i >> 1) & 1] * product[i];
}

// Brings the sums of all shares of a row of tiles together, by the 128 threads that hold those of
// one share. True where this share is the last, and `sum` complete.
template <int TOKENS>
DEVICE bool join_shares(const Int4Product& p, float (&sum)[TOKENS / 2], int block, int tile,
                        int group, u32* is_last) {
  const int shares = gridDim.x, share = blockIdx.x, thread = threadIdx.x & (GROUP_THREADS - 1);
  const int units = (p.tile_rows + BLOCK_TILES - 1) / BLOCK_TILES * p.columns;
  const int start = block * p.columns;
  const int first = share_of(start, shares, units);
  const int last = share_of(start + p.columns - 1, shares, units);
  if (first == last) return true;
  const int groups = min(TOKENS, p.tokens - p.first_token + 7) / 8;
  const int set = BLOCK_TILES * (TOKENS / 8) * GROUP_THREADS;
  const int at = tile * (TOKENS / 8) * GROUP_THREADS + thread;
  // A share's first block may have begun in an earlier share, its last may end in a later one.
  int mine = 2 * share + (share_start(share, shares, units) < start);
  float4* own = p.partials + (u64)mine * set + at;
#pragma unroll
  for (int i = 0; i < TOKENS / 8; i++) {
    if (i < groups) {
      own[i * GROUP_THREADS] =
          make_float4(sum[4 * i], sum[4 * i + 1], sum[4 * i + 2], sum[4 * i + 3]);
    }
  }
  fence_device();
  group_sync(1 + group);
  u32* ticket = p.tickets + block * BLOCK_TILES + tile;
  if (thread == 0) {
    u32 before = atomicAdd(ticket, 1u);
    is_last[group] = before == (u32)(last - first);
    if (is_last[group]) *ticket = 0;
  }
  group_sync(1 + group);
  if (!is_last[group]) return false;
  fence_device();
#pragma unroll
  for (int i = 0; i < TOKENS / 2; i++) sum[i] = 0.f;
  for (int other = first; other <= last; other++) {
    int theirs = 2 * other + (share_start(other, shares, units) < start);
    const float4* from = p.partials + (u64)theirs * set + at;
#pragma unroll
    for (int i = 0; i < TOKENS / 8; i++) {
      if (i < groups) {
        float4 v = __ldcg(from + i * GROUP_THREADS);
        sum[4 * i] += v.x;
        sum[4 * i + 1] += v.y;
        sum[4 * i + 2] += v.z;
        sum[4 * i + 3] += v.w;
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
  const int left = p.tokens - p.first_token;
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
      float* y = (float*)p.y + (u64)(p.first_token + 8 * i + 2 * c) * p.y_pitch + output + g;
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
      u16* y = (u16*)p.y + (u64)(p.first_token + 8 * i + g) * p.y_pitch + output + 2 * c;
      if (8 * i + g < left) {
        *(u32*)y = low;
        *(u32*)(y + 8) = high;
      }
    }
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

  u8* shared;
  int stage;
  u32 phase;

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
        copy_box(to, x, column * TILE_INPUTS, p.first_token, filled);
        copy_box(to + R::X_BYTES / 2, x, column * TILE_INPUTS + 64, p.first_token, filled);
        ring.advance();
      }
    }
    unit = stop;
  }
}

// A group's sums over a run of units: item after item, an item being one tile. P is the parity of
// an item: which of the two sets of registers it uses.
template <class R>
struct Multiplier {
  R ring;
  int thread, group, f16_scales;
  float sum[R::TILES][R::TOKENS / 2];
  float product[R::TWO_PRODUCTS ? 2 : 1][R::TOKENS / 2];
  u32 weights[2][8][4];
  float scale[2][2];
  u64 x[2];
  u32 freed[2];

  template <int P>
  DEVICE void load() {
    if (R::TILES == 1 || P == 0) barrier_wait(ring.filled(ring.stage), ring.phase);
    const int tile = group * R::TILES + (R::TILES == 2 ? P : 0);
    load_weights(ring.bytes() + R::X_BYTES + tile * TILE_BYTES, thread, f16_scales, weights[P],
                 scale[P]);
    x[P] = matrix_descriptor(shared_address(ring.bytes()));
    freed[P] = ring.freed(ring.stage);
    if (R::TILES == 1 || P == 1) ring.advance();
  }

  template <int P>
  DEVICE void start() {
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < 8; k++) {
      wgmma(product[R::TWO_PRODUCTS ? P : 0], weights[P][k],
            x[P] + (k >> 2) * (R::X_BYTES / 2 >> 4) + (k & 3) * 2, k > 0);
    }
    wgmma_commit();
  }

  template <int P>
  DEVICE void finish() {
    if ((R::TILES == 1 || P == 1) && (thread & 31) == 0) barrier_arrive(freed[P]);
    add_scaled(sum[R::TILES == 2 ? P : 0], product[R::TWO_PRODUCTS ? P : 0], scale[P]);
  }

  DEVICE void alone() {
    load<0>();
    start<0>();
    wgmma_wait<0>();
    finish<0>();
  }

  DEVICE void run_two(int items) {
    if (R::TILES == 1 && (items & 1)) {
      alone();
      if (--items == 0) return;
    }
    load<0>();
    for (int i = 2; i < items; i += 2) {
      start<0>();
      load<1>();
      start<1>();
      wgmma_wait<1>();
      finish<0>();
      load<0>();
      wgmma_wait<0>();
      finish<1>();
    }
    start<0>();
    load<1>();
    start<1>();
    wgmma_wait<1>();
    finish<0>();
    wgmma_wait<0>();
    finish<1>();
  }

  DEVICE void run_one(int items) {
    if (items & 1) {
      alone();
      if (--items == 0) return;
    }
    load<0>();
    start<0>();
    load<1>();
    wgmma_wait<0>();
    finish<0>();
    for (int i = 2; i < items; i += 2) {
      start<1>();
      load<0>();
      wgmma_wait<0>();
      finish<1>();
      start<0>();
      load<1>();
      wgmma_wait<0>();
      finish<0>();
    }
    start<1>();
    wgmma_wait<0>();
    finish<1>();
  }

  DEVICE void run(int units) {
#pragma unroll
    for (int t = 0; t < R::TILES; t++) {
#pragma unroll
      for (int i = 0; i < R::TOKENS / 2; i++) sum[t][i] = 0.f;
    }
    if (R::TWO_PRODUCTS) {
      run_two(units * R::TILES);
    } else {
      run_one(units * R::TILES);
    }
  }
};

template <class R>
DEVICE void multiply_by_groups(const TensorMap& x, const Int4Product& p) {
  DYNAMIC_SHARED(shared);
  R ring = {shared, 0, 0};
  if (threadIdx.x == 0) {
    for (int s = 0; s < R::STAGES; s++) {
      barrier_init(ring.filled(s));
      barrier_init_many(ring.freed(s), R::GROUPS * 4);
    }
    barrier_init_fence();
  }
  __syncthreads();
  const int units = (p.tile_rows + BLOCK_TILES - 1) / BLOCK_TILES * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  const int group = threadIdx.x / GROUP_THREADS;
  if (group == R::GROUPS) {
    registers_keep<24>();
    if (threadIdx.x % GROUP_THREADS == 0) bring(ring, x, p, begin, end);
    return;
  }
  registers_take<R::GROUPS == 4 ? 120 : 240>();
  Multiplier<R> m;
  m.ring = ring;
  m.thread = threadIdx.x % GROUP_THREADS;
  m.group = group;
  m.f16_scales = p.f16_scales;
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    for (int pass = 0; pass < R::PASSES; pass++) {
      m.run(stop - unit);
#pragma unroll
      for (int t = 0; t < R::TILES; t++) {
        const int tile = pass * R::TILES_IN_STAGE + group * R::TILES + t;
        const int row = block * BLOCK_TILES + tile;
        if (row < p.tile_rows &&
            join_shares<R::TOKENS>(p, m.sum[t], block, tile, group, ring.flags())) {
          write_results<R::TOKENS>(p, m.sum[t], row);
        }
      }
    }
    unit = stop;
  }
}

// grid (shares), block 128 * (GROUPS + 1), shared STAGES * STAGE_BYTES + 16 * STAGES + 4 * GROUPS. x:
// a map of boxes of 64 columns x TOKENS rows, swizzled by 128 bytes.
KERNEL void __launch_bounds__(640, 1)
    w4_8(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_by_groups<Ring<8, 4, 1, 11>>(x, p);
}
KERNEL void __launch_bounds__(640, 1)
    w4_16(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_by_groups<Ring<16, 4, 1, 10>>(x, p);
}
KERNEL void __launch_bounds__(384, 1)
    w4_32(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_by_groups<Ring<32, 2, 2, 8>>(x, p);
}
KERNEL void __launch_bounds__(384, 1)
    w4_64(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_by_groups<Ring<64, 2, 2, 6>>(x, p);
}
KERNEL void __launch_bounds__(384, 1)
    w4_128(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_by_groups<Ring<128, 2, 1, 5>>(x, p);
}
#endif

// The same by the tensor-core instructions of sm_80 and later: two groups of four warps, one row of
// tiles each; all threads copy.
template <int TOKENS, int STAGES>
DEVICE void multiply_by_warps(const u16* __restrict__ x, int x_pitch, const Int4Product& p) {
  DYNAMIC_SHARED(shared);
  const int GROUPS = 2, THREADS = GROUPS * GROUP_THREADS;
  const int X_BYTES = TOKENS * TILE_INPUTS * 2;
  const int STAGE_BYTES = X_BYTES + GROUPS * TILE_BYTES;
  u32* is_last = (u32*)(shared + STAGES * STAGE_BYTES);
  const int group = threadIdx.x / GROUP_THREADS, thread = threadIdx.x % GROUP_THREADS;
  const int lane = thread & 31;
  const int units = (p.tile_rows + BLOCK_TILES - 1) / BLOCK_TILES * p.columns;
  const int begin = share_start(blockIdx.x, gridDim.x, units);
  const int end = share_start(blockIdx.x + 1, gridDim.x, units);
  for (int unit = begin; unit < end;) {
    const int block = unit / p.columns, stop = min(end, (block + 1) * p.columns);
    for (int pass = 0; pass < BLOCK_TILES / GROUPS; pass++) {
      const int first_row = block * BLOCK_TILES + pass * GROUPS;
      if (first_row >= p.tile_rows) break;
      auto fetch = [&](int i) {
        if (unit + i < stop) {
          const int column = unit - block * p.columns + i;
          u8* to = shared + (i % STAGES) * STAGE_BYTES;
          for (int at = threadIdx.x; at < GROUPS * (TILE_BYTES / 16); at += THREADS) {
            int tile = at / (TILE_BYTES / 16);
            const u8* from = tile_address(p, min(first_row + tile, p.tile_rows - 1), column);
            copy_async16(shared_address(to + X_BYTES + at * 16),
                         from + (at - tile * (TILE_BYTES / 16)) * 16);
          }
          for (int at = threadIdx.x; at < TOKENS * 16; at += THREADS) {
            int token = at >> 4, chunk = at & 15;
            int row = min(p.first_token + token, p.tokens - 1);
            copy_async16(shared_address(to + (chunk >> 3) * (X_BYTES / 2) + token * 128 +
                                        (((chunk & 7) ^ (token & 7)) << 4)),
                         x + (u64)row * x_pitch + column * TILE_INPUTS + chunk * 8);
          }
        }
        copy_commit();
      };
      float sum[TOKENS / 2];
#pragma unroll
      for (int i = 0; i < TOKENS / 2; i++) sum[i] = 0.f;
      __syncthreads();
      for (int i = 0; i < STAGES - 1; i++) fetch(i);
      for (int i = 0; unit + i < stop; i++) {
        copy_wait<STAGES - 2>();
        __syncthreads();
        fetch(i + STAGES - 1);
        const u8* from = shared + (i % STAGES) * STAGE_BYTES;
        u32 weights[8][4];
        float scale[2], product[TOKENS / 2];
        load_weights(from + X_BYTES + group * TILE_BYTES, thread, p.f16_scales, weights, scale);
#pragma unroll
        for (int j = 0; j < TOKENS / 2; j++) product[j] = 0.f;
#pragma unroll
        for (int k = 0; k < 8; k += 2) {
          const int chunk = 2 * k + (lane >> 3), row = lane & 7;
          const u32 at = shared_address(from + (chunk >> 3) * (X_BYTES / 2) + row * 128 +
                                        (((chunk & 7) ^ row) << 4));
#pragma unroll
          for (int j = 0; j < TOKENS / 8; j++) {
            u32 b[4];
            load_matrices(b, at + j * 1024);
            multiply_add(product + 4 * j, weights[k], b[0], b[1]);
            multiply_add(product + 4 * j, weights[k + 1], b[2], b[3]);
          }
        }
        add_scaled(sum, product, scale);
      }
      const int row = first_row + group;
      if (row < p.tile_rows &&
          join_shares<TOKENS>(p, sum, block, pass * GROUPS + group, group, is_last)) {
        write_results<TOKENS>(p, sum, row);
      }
    }
    unit = stop;
  }
}

// grid (shares), block 256, shared STAGES * STAGE_BYTES + 8. x: (tokens, x_pitch)
KERNEL void __launch_bounds__(256) w4_mma_8(const u16* x, int x_pitch, const Int4Product p) {
  multiply_by_warps<8, 6>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_16(const u16* x, int x_pitch, const Int4Product p) {
  multiply_by_warps<16, 6>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_32(const u16* x, int x_pitch, const Int4Product p) {
  multiply_by_warps<32, 4>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_64(const u16* x, int x_pitch, const Int4Product p) {
  multiply_by_warps<64, 3>(x, x_pitch, p);
}
KERNEL void __launch_bounds__(256) w4_mma_128(const u16* x, int x_pitch, const Int4Product p) {
  multiply_by_warps<128, 2>(x, x_pitch, p);
}
