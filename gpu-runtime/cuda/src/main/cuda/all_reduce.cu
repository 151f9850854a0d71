// Sum over ranks in rank order: every rank computes the same bits.
//
// One kernel a rank, one block of it for each part of the elements. A block copies its part to the
// rank's exchange buffer, waits for the same block of the other ranks, and adds their parts in the
// order of the ranks: all of it, or of much, for more than two ranks, a share, which the others then
// fetch. Halves of the buffer alternate: a rank that writes one again has met all ranks in the launch
// between, and they have then finished the launch before, so nobody still reads it. This holds for
// any mix of sizes as long as every launch has the same grid. Ranks may share a device: the grid is
// small, so that the waiting blocks of one rank never keep another's from starting.
//
// Where ranks share a device even that is not safe: the driver may hold a launch of one rank back
// (to load a module, say) while another's blocks wait on the device. There the hosts meet, streams
// wait for each other's events, and the *_ordered kernels find all parts ready.
#include "prelude.cuh"
#include "eights.cuh"

#define RANKS_MAX 8
#define EXCHANGE_BLOCKS_MAX 64
// Waits look at the clock and at the host's memory, which is far away, once in so many turns: in every
// turn, 32 rows took 55 us between two H100, not 8.
#define TURNS_TO_LOOK 1024
// Pieces of 16 bytes that a thread has on their way at a time: links are long.
#define PIECES 4
// What a second meeting must spare a link, to pay for itself.
#define SPARED_BYTES_MIN (1 << 20)

struct Exchange {
  u8* buffers[RANKS_MAX];  // of each rank: two halves of half_bytes
  u32* flags[RANKS_MAX];   // of each rank: (block, rank)
  u32* rounds;             // of this rank: (block), launches begun
  u64* failure;            // of the host: 0, or what went wrong first: 1 + waited-for rank
  u64 half_bytes;
  u64 deadline;  // nanoseconds
  int rank, ranks;
};

// Returns false where the deadline passed, or another block of this rank failed before.
DEVICE bool meet(const Exchange& e, u32 round) {
  int failed = 0;
  __syncthreads();
  if (threadIdx.x < e.ranks) {
    int peer = threadIdx.x;
    fence_system();  // for what the block's other threads wrote too
    store_release(&e.flags[peer][blockIdx.x * RANKS_MAX + e.rank], round);
    u64 start = nanoseconds();
    // Rounds only grow: a peer may be one ahead, and differences stay right past 2^32.
    for (u32 turn = 1;
         (int)(load_acquire(&e.flags[e.rank][blockIdx.x * RANKS_MAX + peer]) - round) < 0; turn++) {
      spin_pause();
      if (turn % TURNS_TO_LOOK) continue;
      if (nanoseconds() - start > e.deadline || *(volatile u64*)e.failure != 0) {
        if (*(volatile u64*)e.failure == 0) *(volatile u64*)e.failure = 1 + peer;
        failed = 1;
        break;
      }
    }
  }
  return __syncthreads_or(failed) == 0;
}

DEVICE void add8(float* sum, uint4 v) {
  sum[0] += bf16_low(v.x), sum[1] += bf16_high(v.x), sum[2] += bf16_low(v.y);
  sum[3] += bf16_high(v.y), sum[4] += bf16_low(v.z), sum[5] += bf16_high(v.z);
  sum[6] += bf16_low(v.w), sum[7] += bf16_high(v.w);
}

DEVICE u32 begin_round(const Exchange& e) {
  __shared__ u32 round;
  if (threadIdx.x == 0) round = e.rounds[blockIdx.x] = e.rounds[blockIdx.x] + 1;
  __syncthreads();
  return round;
}

// Pieces of 16 bytes.
struct Run {
  u64 begin, end;

  DEVICE Run part(int i, int parts) const {
    const u64 count = end - begin;
    return {begin + count * i / parts, begin + count * (i + 1) / parts};
  }
};
DEVICE Run run_of_block(u64 pieces) { return Run{0, pieces}.part(blockIdx.x, gridDim.x); }

DEVICE void copy(const void* from, void* to, Run run) {
  for (u64 i = run.begin + threadIdx.x; i < run.end; i += PIECES * blockDim.x) {
    uint4 v[PIECES];
#pragma unroll
    for (int j = 0; j < PIECES; j++)
      if (i + j * blockDim.x < run.end) v[j] = __ldcg((const uint4*)from + i + j * blockDim.x);
#pragma unroll
    for (int j = 0; j < PIECES; j++)
      if (i + j * blockDim.x < run.end) ((uint4*)to)[i + j * blockDim.x] = v[j];
  }
}

DEVICE u8* buffer(const Exchange& e, int rank, u64 half) { return e.buffers[rank] + half; }

// Adds the parts of all ranks, in their order, to x; and to this rank's buffer if others fetch it.
DEVICE void sum_parts(const Exchange& e, u64 half, u16* x, Run run, bool fetched) {
  for (u64 i = run.begin + threadIdx.x; i < run.end; i += PIECES * blockDim.x) {
    float sum[PIECES][8];
#pragma unroll
    for (int j = 0; j < PIECES; j++)
#pragma unroll
      for (int k = 0; k < 8; k++) sum[j][k] = 0;
    for (int peer = 0; peer < e.ranks; peer++) {
      const uint4* part = (const uint4*)buffer(e, peer, half);
      uint4 v[PIECES];
#pragma unroll
      for (int j = 0; j < PIECES; j++)
        if (i + j * blockDim.x < run.end) v[j] = __ldcg(part + i + j * blockDim.x);
#pragma unroll
      for (int j = 0; j < PIECES; j++)
        if (i + j * blockDim.x < run.end) add8(sum[j], v[j]);
    }
#pragma unroll
    for (int j = 0; j < PIECES; j++) {
      if (i + j * blockDim.x < run.end) {
        const uint4 v = pack8(sum[j]);
        ((uint4*)x)[i + j * blockDim.x] = v;
        if (fetched) ((uint4*)buffer(e, e.rank, half))[i + j * blockDim.x] = v;
      }
    }
  }
}

// Puts the parts of all ranks side by side.
DEVICE void join_parts(const Exchange& e, u64 half, u8* y, Run run, int width) {
  const u32 chunks = width / 16;
  for (u64 i = run.begin + threadIdx.x; i < run.end; i += blockDim.x) {
    const u32 row = (u32)i / chunks, at = (u32)i % chunks;  // a buffer has fewer than 2^32
    for (int peer = 0; peer < e.ranks; peer++)
      ((uint4*)y)[((u64)row * e.ranks + peer) * chunks + at] =
          __ldcg((const uint4*)buffer(e, peer, half) + i);
  }
}

// A rank's part to its exchange buffer: n16 pieces of 16 bytes.
KERNEL void __launch_bounds__(512) bring_ordered(Exchange e, const u8* x, u64 n16, u64 half) {
  await_earlier();
  copy(x, buffer(e, e.rank, half), run_of_block(n16));
}

KERNEL void __launch_bounds__(512) all_reduce_ordered(Exchange e, u16* x, u64 n, u64 half) {
  await_earlier();
  sum_parts(e, half, x, run_of_block(n / 8), false);
}

KERNEL void __launch_bounds__(512)
    all_gather_ordered(Exchange e, u8* y, int rows, int width, u64 half) {
  await_earlier();
  join_parts(e, half, y, run_of_block((u64)rows * (width / 16)), width);
}

// x (n bf16, n a multiple of 8) becomes the sum over ranks
KERNEL void __launch_bounds__(512) all_reduce_bf16(Exchange e, u16* x, u64 n) {
  await_earlier();
  const u32 round = begin_round(e);
  const u64 half = (round & 1) * e.half_bytes;
  const Run run = run_of_block(n / 8);
  copy(x, buffer(e, e.rank, half), run);
  if (!meet(e, 2 * round)) return;
  // all of ranks - 1 parts come over the links; or of each one share, and of their sums one each
  if (n * 2 * (e.ranks - 1) * (e.ranks - 2) / e.ranks < SPARED_BYTES_MIN) {
    sum_parts(e, half, x, run, false);
    return;
  }
  sum_parts(e, half, x, run.part(e.rank, e.ranks), true);
  if (!meet(e, 2 * round + 1)) return;
  for (int i = 1; i < e.ranks; i++) {
    const int peer = (e.rank + i) % e.ranks;  // not all from the same at a time
    copy(buffer(e, peer, half), x, run.part(peer, e.ranks));
  }
}

// y (rows, ranks * width) becomes the ranks' x (rows, width) side by side; width in bytes, a
// multiple of 16
KERNEL void __launch_bounds__(512)
    all_gather(Exchange e, const u8* x, u8* y, int rows, int width) {
  await_earlier();
  const u32 round = begin_round(e);
  const u64 half = (round & 1) * e.half_bytes;
  const Run run = run_of_block((u64)rows * (width / 16));
  copy(x, buffer(e, e.rank, half), run);
  if (!meet(e, 2 * round)) return;
  join_parts(e, half, y, run, width);
}
