// y = x W^T + bias with int4 weights made bf16 in registers, of tens to thousands of tokens.
//
// What bounds it is the tensor cores, if all else leaves them alone. A thread block's tile of 256
// outputs x TOKENS tokens brings 24 bytes a cycle from the second-level cache for a product at full
// speed (of 128 outputs it is 40, which is more than there is). Thread blocks of one run of units and
// other tokens work side by side: weights come from memory once.
#include "prelude.cuh"
#include "wgmma.cuh"
#include "w4.cuh"

#if WGMMA
// Where a thread of a group is in the ring, by addresses in shared memory.
template <class R, int STAGES>
struct Place {
  u32 part;    // the thread's 16 bytes of its group's first tile in the stage
  u32 row;     // the word of its row r there
  u32 x;       // the stage's tokens, as the low half of a matrix descriptor
  u32 filled;  // the stage's barriers: filled; freed is 8 STAGES behind
  int stage;
  u32 phase;

  DEVICE void start(const R& ring) {
    const int thread = threadIdx.x % GROUP_THREADS, group = threadIdx.x / GROUP_THREADS;
    const u32 base = shared_address(ring.shared);
    const u32 tiles = base + R::X_BYTES + group * R::TILES * TILE_BYTES;
    part = tiles + thread * 16;
    row = tiles + 4096 + ((thread >> 5) * 16 + ((thread & 31) >> 2)) * 4;
    x = (u32)matrix_descriptor(base);
    filled = base + STAGES * R::STAGE_BYTES;
    stage = 0;
    phase = 0;
  }
  DEVICE void move(int stages) {
    stage += stages;
    part += stages * R::STAGE_BYTES;
    row += stages * R::STAGE_BYTES;
    x += stages * (R::STAGE_BYTES >> 4);
    filled += stages * 8;
  }
  DEVICE void advance() {
    move(1);
    if (stage == STAGES) {
      move(-STAGES);
      phase ^= 1;
    }
  }
  DEVICE void wait() { barrier_wait(filled, phase); }
  // The stage before this one is free.
  DEVICE void free_last() {
    if ((thread_now() & 31) == 0) {
      barrier_arrive(filled + 8 * (stage == 0 ? 2 * STAGES - 1 : STAGES - 1));
    }
  }
};

// A group's sums of two rows of tiles. One product at a time, of a tile with all tokens; its weights
// are made a quarter, 32 inputs, at a time, while the tensor cores work on the quarter before. That
// of the other group fills the time in which this one adds its product to the sums.
template <class R, int STAGES>
struct Multiplier {
  const Int4Product& p;
  Place<R, STAGES> at;
  float sum[2][R::TOKENS / 2];
  float product[R::TOKENS / 2];
  u32 weights[2][2][4];
  u32 zero[2];  // of rows r and r + 8

  template <int TILE>
  DEVICE void load_zeros() {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      zero[i] = zero_pair(load_shared(at.row + TILE * TILE_BYTES + i * 32));
    }
  }

  template <int TILE>
  DEVICE void load_scales(float (&scale)[2]) {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      scale[i] = scale_of(load_shared(at.row + TILE * TILE_BYTES + i * 32), p.f16_scales);
    }
  }

  template <int TILE, int QUARTER>
  DEVICE void load() {
    u32 words[2];
    load_shared(words, at.part + TILE * TILE_BYTES + (QUARTER >> 1) * 2048 + (QUARTER & 1) * 8);
#pragma unroll
    for (int k = 0; k < 2; k++) make_weights(words[k], zero, weights[QUARTER & 1][k]);
  }

  template <int QUARTER>
  DEVICE void start() {
    const u32 x = at.x + (QUARTER >> 1) * (R::X_BYTES / 2 >> 4) + (QUARTER & 1) * 4;
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < 2; k++) {
      wgmma(product, weights[QUARTER & 1][k], MATRIX_DESCRIPTOR_HIGH | (x + k * 2),
            QUARTER + k > 0);
    }
    wgmma_commit();
  }

  // One tile's product. Its first quarter is there; leaves that of the next, if there is one.
  template <int TILE>
  DEVICE void step(bool more) {
    float scale[2];
    start<0>();
    load<TILE, 1>();
    start<1>();
    wgmma_wait<1>();
    load<TILE, 2>();
    start<2>();
    wgmma_wait<1>();
    load<TILE, 3>();
    start<3>();
    load_scales<TILE>(scale);
    if (TILE == 1) at.advance();
    wgmma_wait<1>();
    if (TILE == 0) {
      load_zeros<1>();
      load<1, 0>();
    } else if (more) {
      at.wait();
      load_zeros<0>();
      load<0, 0>();
    }
    wgmma_wait<0>();
    if (TILE == 1) at.free_last();
#pragma unroll
    for (int i = 0; i < R::TOKENS / 2; i++) sum[TILE][i] += scale[(i >> 1) & 1] * product[i];
  }

  DEVICE void run(int units) {
#pragma unroll
    for (int t = 0; t < 2; t++) {
#pragma unroll
      for (int i = 0; i < R::TOKENS / 2; i++) sum[t][i] = 0.f;
    }
    at.wait();
    load_zeros<0>();
    load<0, 0>();
    for (; units > 0; units--) {
      step<0>(true);
      step<1>(units > 1);
    }
  }
};

// Worked out where it is needed, by block_now: held in registers through the products, it does not
// fit beside them.
DEVICE int end_of_share(const Int4Product& p) {
  return share_start(block_now() + 1, gridDim.x, unit_rows(p) * p.columns);
}

// Registers a thread. A block can only move those it was launched with, which is a multiple of 8 for
// each thread: to ask for more than the others have given up is to wait for ever.
#define WIDE_THREADS 384
#define REGISTERS_TO_BRING 24
#define REGISTERS_TO_MULTIPLY \
  ((65536 / WIDE_THREADS / 8 * 8 * (WIDE_THREADS / GROUP_THREADS) - REGISTERS_TO_BRING) / 2 / 8 * 8)

template <int TOKENS, int STAGES>
DEVICE void multiply_wide(const TensorMap& x, const Int4Product& p) {
  DYNAMIC_SHARED(shared);
  using R = Ring<TOKENS, 2, 2>;
  R ring = {shared, STAGES, 0, 0};
  let_next_start();
  ring.start();
  int unit = share_start(blockIdx.x, gridDim.x, unit_rows(p) * p.columns);
  if (threadIdx.x >= R::GROUPS * GROUP_THREADS) {
    registers_keep<REGISTERS_TO_BRING>();
    if (threadIdx.x < R::GROUPS * GROUP_THREADS + 32) {
      Bringer<R>{x, p, elected(), ring}.run(unit, end_of_share(p));
    }
    return;
  }
  registers_take<REGISTERS_TO_MULTIPLY>();
  Multiplier<R, STAGES> m = {p};
  m.at.start(ring);
  while (unit < end_of_share(p)) {
    m.run(min(end_of_share(p), (unit / p.columns + 1) * p.columns) - unit);
    const int block = unit / p.columns, group = thread_now() / GROUP_THREADS;
    write_share<TOKENS>(p, m.sum, block, group * R::TILES);
    unit = min(end_of_share(p), (block + 1) * p.columns);
  }
}

// grid (shares, covers tokens by TOKENS), block 384, shared STAGES * (STAGE_BYTES + 16). x: a map of
// boxes of 64 columns x TOKENS rows, swizzled by 128 bytes.
KERNEL void __launch_bounds__(WIDE_THREADS, 1)
    w4_wide_64(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_wide<64, 6>(x, p);
}
KERNEL void __launch_bounds__(WIDE_THREADS, 1)
    w4_wide_96(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_wide<96, 5>(x, p);
}
KERNEL void __launch_bounds__(WIDE_THREADS, 1)
    w4_wide_128(const __grid_constant__ TensorMap x, const Int4Product p) {
  multiply_wide<128, 4>(x, p);
}
#endif
