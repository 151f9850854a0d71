// Runs kernels on a CPU: one block at a time on each host thread, every thread a fiber, the tensor-core and copy
// instructions of prelude.cuh by their definition. Finds wrong indexing, wrong fragments, missing
// barriers between fibers' turns and reads out of bounds (with -fsanitize=address) where there is
// no GPU. It is no model of memory ordering: racecheck on a GPU remains.
#pragma once
// Fibers move between stacks: the address of a thread's variables must not be kept over a switch.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <sched.h>
#include <ucontext.h>
#include <utility>
#include <vector>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
struct uint4 { u32 x, y, z, w; } __attribute__((aligned(16)));
struct float4 { float x, y, z, w; } __attribute__((aligned(16)));
struct uint2 { u32 x, y; } __attribute__((aligned(8)));
struct float2 { float x, y; } __attribute__((aligned(8)));
struct int2 { int x, y; } __attribute__((aligned(8)));
inline uint2 make_uint2(u32 x, u32 y) { return {x, y}; }
inline uint4 make_uint4(u32 x, u32 y, u32 z, u32 w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static thread_local
#define __align__(n) __attribute__((aligned(n)))
#define KERNEL extern "C"
#define DEVICE inline
#define FULL_WARP 0xffffffffu
#define __grid_constant__
#define WGMMA 1
#ifndef BULK_COPY
#define BULK_COPY 1
#endif
#define DYNAMIC_SHARED(name) u8* name = emulator::shared

#define NEGATIVE_INFINITY (-__builtin_huge_valf())

namespace emulator {
struct Dim { int x, y, z; };
const int SHARED_BYTES = 256 * 1024, CLUSTER_MAX = 8;
alignas(1024) static thread_local u8 memory[CLUSTER_MAX][SHARED_BYTES];
static thread_local u8* shared;  // of the block that runs

struct Warp {
  int arrived = 0, turn = 0;
  u64 in[32][8], out[32][8];
};
struct Fiber {
  ucontext_t context;
  Dim thread;
  int index;
  bool done;
  bool awaited;  // earlier kernels
  int cluster_turn;
  std::vector<char> stack;
};
// Bytes that the kernel before writes: a copy of them by a thread that has not awaited it brings 0xff.
struct Late {
  u64 from, bytes;
};
static std::vector<Late> late;
static thread_local Fiber* current;
static thread_local std::vector<Fiber> fibers;
// Four warps that multiply together, and the barriers of 128 threads.
struct Group {
  int arrived = 0, turn = 0;
  const u32* a[128];
  float* d[128];
};
struct GroupBarrier {
  int arrived = 0, turn = 0;
};
static thread_local std::vector<Warp> warps;
static thread_local std::vector<Group> groups;
static thread_local GroupBarrier group_barriers[CLUSTER_MAX][16];
static thread_local ucontext_t scheduler;
static thread_local Dim block, grid, threads;
// A block's barriers; blocks of a cluster are there at the same time, and share what is __shared__.
struct Block {
  int arrived, turn, alive;
};
static thread_local Block blocks[CLUSTER_MAX];
static thread_local int rank, cluster_size, cluster_arrived, cluster_turn;

inline void yield() { swapcontext(&current->context, &scheduler); }

// All lanes of a warp bring in values and leave with what `f` makes of them.
template <class F>
void collective(F f) {
  Warp& w = warps[current->index >> 5];
  int turn = w.turn;
  if (++w.arrived == 32) {
    f(w);
    w.arrived = 0;
    w.turn++;
  } else {
    while (w.turn == turn) yield();
  }
}
inline u64* in() { return warps[current->index >> 5].in[current->index & 31]; }
inline u64* out() { return warps[current->index >> 5].out[current->index & 31]; }

template <class T>
T shuffle(T x, int from_lane) {
  u64 bits = 0;
  memcpy(&bits, &x, sizeof x);
  in()[0] = bits;
  in()[1] = (u64)from_lane;
  collective([](Warp& w) {
    for (int i = 0; i < 32; i++) w.out[i][0] = w.in[w.in[i][1] & 31][0];
  });
  T y;
  bits = out()[0];
  memcpy(&y, &bits, sizeof y);
  return y;
}

inline float as_float(u32 x) { float f; memcpy(&f, &x, 4); return f; }
inline u32 as_u32(float f) { u32 x; memcpy(&x, &f, 4); return x; }
inline u16 round_bf16(float f) {
  u32 x = as_u32(f);
  if ((x & 0x7fffffff) > 0x7f800000) return (u16)(x >> 16 | 0x40);
  return (u16)((x + 0x7fff + (x >> 16 & 1)) >> 16);
}
inline float bf16(u32 pair, int high) { return as_float(high ? pair & 0xffff0000u : pair << 16); }

template <class... A>
struct Call {
  void (*kernel)(A...);
  std::tuple<A...> arguments;
  template <size_t... I>
  void go(std::index_sequence<I...>) { kernel(std::get<I>(arguments)...); }
  static void start(u32 low, u32 high) {
    Call* call = (Call*)((u64)high << 32 | low);
    call->go(std::index_sequence_for<A...>());
    current->done = true;
    blocks[rank].alive--;
    swapcontext(&current->context, &scheduler);
  }
};

// The blocks of a cluster from `block` on.
template <class... A>
void run_blocks(Call<A...>& call) {
  const int n = threads.x, all = n * cluster_size;
  const Dim first = block;
  warps.assign(cluster_size * ((n + 31) / 32), Warp());
  groups.assign(cluster_size * ((n + 127) / 128), Group());
  memset(group_barriers, 0, sizeof group_barriers);
  cluster_arrived = cluster_turn = 0;
  fibers.resize(all);
  for (int r = 0; r < cluster_size; r++) {
    blocks[r] = {0, 0, n};
    memset(memory[r], 0xa5, SHARED_BYTES);
  }
  for (int i = 0; i < all; i++) {
    Fiber& f = fibers[i];
    f.stack.resize(256 * 1024);
    f.index = i;
    f.thread = {i % n, 0, 0};
    f.done = f.awaited = false;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = 0;
    u64 p = (u64)&call;
    makecontext(&f.context, (void (*)())Call<A...>::start, 2, (u32)p, (u32)(p >> 32));
  }
  long idle = 0;
  for (int alive = all; alive > 0;) {
    int before = alive;
    for (int i = 0; i < all; i++) {
      if (fibers[i].done) continue;
      current = &fibers[i];
      rank = i / n;
      shared = memory[rank];
      block = {first.x + rank, first.y, first.z};
      swapcontext(&scheduler, &fibers[i].context);
      alive -= fibers[i].done;
    }
    idle = alive < before ? 0 : idle + 1;
    if (idle > 100000000) {
      fprintf(stderr, "emulator: block (%d, %d) does not end: a barrier not all threads reach\n",
              first.x, first.y);
      abort();
    }
  }
}

// dims: grid x, y, z, block x. params: pointers to the arguments, as for cuLaunchKernel. cluster: blocks
// that are there at a time, or 0: all of them.
template <class... A>
void launch(void (*kernel)(A...), int cluster, const int* dims, void** params) {
  int i = 0;
  if (cluster == 0) cluster = dims[0];
  if (cluster > CLUSTER_MAX) abort();
  cluster_size = cluster;
  Call<A...> call = {kernel, std::tuple<A...>{*(A*)params[i++]...}};
  grid = {dims[0], dims[1], dims[2]};
  threads = {dims[3], 1, 1};
  for (int z = 0; z < dims[2]; z++)
    for (int y = 0; y < dims[1]; y++)
      for (int x = 0; x < dims[0]; x += cluster) {
        block = {x, y, z};
        run_blocks(call);
      }
}
}  // namespace emulator

// (first byte, bytes) pairs, from now on
extern "C" void written_before(const u64* ranges, int count) {
  emulator::late.clear();
  for (int i = 0; i < count; i++) emulator::late.push_back({ranges[2 * i], ranges[2 * i + 1]});
}

#define threadIdx (emulator::current->thread)
#define blockIdx (emulator::block)
#define gridDim (emulator::grid)
#define blockDim (emulator::threads)
#define EMULATE(name, cluster) \
  extern "C" void launch_##name(const int* dims, void** params) { emulator::launch(name, cluster, dims, params); }

inline void __syncthreads() {
  using namespace emulator;
  Block& b = blocks[rank];
  int turn = b.turn;
  if (++b.arrived >= b.alive) {
    b.arrived = 0;
    b.turn++;
  } else {
    while (b.turn == turn) yield();
  }
}
inline int __syncthreads_or(int any) {
  static thread_local int said[emulator::CLUSTER_MAX];
  int& here = said[emulator::rank];
  here |= any != 0;
  __syncthreads();
  const int result = here;
  __syncthreads();
  here = 0;
  return result;
}
template <class T>
T __shfl_xor_sync(u32, T x, int d) { return emulator::shuffle(x, (emulator::current->index & 31) ^ d); }
template <class T>
T __shfl_up_sync(u32, T x, int d) {
  int lane = emulator::current->index & 31;
  return emulator::shuffle(x, lane >= d ? lane - d : lane);
}
template <class T>
T __shfl_sync(u32, T x, int lane) { return emulator::shuffle(x, lane); }
template <class T, class U>
T atomicAdd(T* p, U x) { T old = *p; *p = old + (T)x; return old; }
inline u32 atomicOr(u32* p, u32 x) { u32 old = *p; *p = old | x; return old; }
inline int min(int a, int b) { return a < b ? a : b; }
inline u32 max(u32 a, u32 b) { return a > b ? a : b; }
inline float __uint_as_float(u32 x) { return emulator::as_float(x); }
inline u32 __float_as_uint(float x) { u32 bits; memcpy(&bits, &x, 4); return bits; }
inline float __fdividef(float x, float y) { return x / y; }
inline float __expf(float x) { return std::exp(x); }
inline float rsqrtf(float x) { return 1.f / std::sqrt(x); }

DEVICE float bf16_low(u32 pair) { return emulator::bf16(pair, 0); }
DEVICE float bf16_high(u32 pair) { return emulator::bf16(pair, 1); }
DEVICE float bf16_float(u16 x) { return emulator::bf16(x, 0); }
DEVICE u32 bf16_pair(float low, float high) {
  return (u32)emulator::round_bf16(high) << 16 | emulator::round_bf16(low);
}
DEVICE u32 bf16_fma(u32 a, u32 b, u32 c) {
  float sum[2];
  for (int i = 0; i < 2; i++) {
    sum[i] = (float)((double)emulator::bf16(a, i) * emulator::bf16(b, i) + emulator::bf16(c, i));
  }
  return bf16_pair(sum[0], sum[1]);
}
DEVICE u32 bf16_add(u32 a, u32 b) { return bf16_fma(a, 0x3f803f80u, b); }
DEVICE u32 bf16_multiply(u32 a, u32 b) { return bf16_fma(a, b, 0x80008000u); }
DEVICE u16 bf16_of(float x) { return emulator::round_bf16(x); }
DEVICE float f16_float(u16 x) { _Float16 h; memcpy(&h, &x, 2); return (float)h; }
DEVICE float exp2_fast(float x) { return std::exp2(x); }
DEVICE u32 shared_address(const void* p) { return (u32)((const u8*)p - emulator::shared); }

DEVICE void load8x8(u32* r, u32 address, bool transposed) {
  emulator::in()[0] = address;
  emulator::collective([transposed](emulator::Warp& w) {
    for (int m = 0; m < 4; m++)
      for (int lane = 0; lane < 32; lane++)
        for (int e = 0; e < 2; e++) {
          int row = lane >> 2, column = (lane & 3) * 2 + e;
          if (transposed) std::swap(row, column);
          u64 at = w.in[m * 8 + row][0] + column * 2;
          if (at + 2 > (u64)emulator::SHARED_BYTES || w.in[m * 8 + row][0] % 16) abort();
          u16 x;
          memcpy(&x, emulator::shared + at, 2);
          if (e == 0) w.out[lane][m] = x; else w.out[lane][m] |= (u64)x << 16;
        }
  });
  for (int m = 0; m < 4; m++) r[m] = (u32)emulator::out()[m];
}
DEVICE void load_matrices(u32* r, u32 address) { load8x8(r, address, false); }
DEVICE void load_matrices_transposed(u32* r, u32 address) { load8x8(r, address, true); }

DEVICE void multiply_add(float* d, const u32* a, u32 b0, u32 b1) {
  u64* in = emulator::in();
  for (int i = 0; i < 4; i++) in[i] = (u64)emulator::as_u32(d[i]) << 32 | a[i];
  in[4] = b0;
  in[5] = b1;
  emulator::collective([](emulator::Warp& w) {
    float A[16][16], B[16][8], C[16][8];
    for (int lane = 0; lane < 32; lane++) {
      int g = lane >> 2, c = (lane & 3) * 2;
      for (int i = 0; i < 4; i++)
        for (int e = 0; e < 2; e++)
          A[g + (i & 1) * 8][c + e + (i >> 1) * 8] = emulator::bf16((u32)w.in[lane][i], e);
      for (int i = 0; i < 2; i++)
        for (int e = 0; e < 2; e++) B[c + e + i * 8][g] = emulator::bf16((u32)w.in[lane][4 + i], e);
      for (int i = 0; i < 4; i++)
        C[g + (i >> 1) * 8][c + (i & 1)] = emulator::as_float((u32)(w.in[lane][i] >> 32));
    }
    for (int r = 0; r < 16; r++)
      for (int n = 0; n < 8; n++) {
        float sum = C[r][n];
        for (int k = 0; k < 16; k++) sum += A[r][k] * B[k][n];
        C[r][n] = sum;
      }
    for (int lane = 0; lane < 32; lane++) {
      int g = lane >> 2, c = (lane & 3) * 2;
      for (int i = 0; i < 4; i++)
        w.out[lane][i] = emulator::as_u32(C[g + (i >> 1) * 8][c + (i & 1)]);
    }
  });
  for (int i = 0; i < 4; i++) d[i] = emulator::as_float((u32)emulator::out()[i]);
}
DEVICE u32 transpose_matrix(u32 x) {
  emulator::in()[0] = x;
  emulator::collective([](emulator::Warp& w) {
    u16 m[8][8];
    for (int lane = 0; lane < 32; lane++)
      for (int e = 0; e < 2; e++) m[lane >> 2][(lane & 3) * 2 + e] = (u16)(w.in[lane][0] >> (16 * e));
    for (int lane = 0; lane < 32; lane++)
      w.out[lane][0] = m[(lane & 3) * 2][lane >> 2] | (u64)m[(lane & 3) * 2 + 1][lane >> 2] << 16;
  });
  return (u32)emulator::out()[0];
}
// Copies land at once.
DEVICE void emulated_copy(u32 to, const void* from, u32 bytes) {
  if ((u64)from % 16 || to % 16 || bytes % 16) abort();
  memcpy(emulator::shared + to, from, bytes);
  if (emulator::current->awaited) return;
  for (const emulator::Late& l : emulator::late) {
    const u64 begin = std::max(l.from, (u64)from), end = std::min(l.from + l.bytes, (u64)from + bytes);
    if (begin < end) memset(emulator::shared + to + (begin - (u64)from), 0xff, end - begin);
  }
}
DEVICE void copy_async16(u32 to, const void* from) { emulated_copy(to, from, 16); }
DEVICE void copy_commit() {}
template <int PENDING>
DEVICE void copy_wait() {}
struct EmulatedBarrier {
  u32 phase : 8, arrivals : 12, arrived : 12;
  int bytes;
  void move() {
    if (arrived == arrivals && bytes == 0) {
      phase++;
      arrived = 0;
    }
  }
};
inline EmulatedBarrier* emulated_barrier(u32 b) {
  if (b % 8 || b + 8 > (u32)emulator::SHARED_BYTES) abort();
  return (EmulatedBarrier*)(emulator::shared + b);
}
DEVICE void barrier_init_many(u32 b, u32 arrivals) { *emulated_barrier(b) = {0, arrivals, 0, 0}; }
DEVICE void barrier_init(u32 b) { barrier_init_many(b, 1); }
DEVICE void barrier_init_fence() {}
DEVICE void barrier_arrive(u32 b) {
  EmulatedBarrier* p = emulated_barrier(b);
  if (p->arrived == p->arrivals) abort();
  p->arrived++;
  p->move();
}
DEVICE void copy_arrive(u32 b) { barrier_arrive(b); }
DEVICE void barrier_expect(u32 b, u32 bytes) {
  emulated_barrier(b)->bytes += bytes;
  barrier_arrive(b);
}
DEVICE void barrier_complete(u32 b, u32 bytes) {
  EmulatedBarrier* p = emulated_barrier(b);
  p->bytes -= bytes;
  p->move();
}
DEVICE void copy_bulk(u32 to, const void* from, u32 bytes, u32 b) {
  emulated_copy(to, from, bytes);
  barrier_complete(b, bytes);
}
DEVICE void barrier_wait(u32 b, u32 phase) {
  while ((emulated_barrier(b)->phase & 1) == phase) emulator::yield();
}
DEVICE float warp_sum(float x) { for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL_WARP, x, d); return x; }
DEVICE float warp_max(float x) { for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, d)); return x; }
DEVICE void store_release(u32* p, u32 x) { __atomic_store_n(p, x, __ATOMIC_RELEASE); }
DEVICE u32 load_acquire(const u32* p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
DEVICE void add_release(u32* p, u32 x) { *p += x; }
DEVICE u32 load_acquire_device(const u32* p) { return *p; }
DEVICE void fail_kernel() { abort(); }
DEVICE u64 nanoseconds() {
  return (u64)std::chrono::steady_clock::now().time_since_epoch().count();
}
DEVICE void fence_system() {}
DEVICE void spin_pause() {
  sched_yield();
  emulator::yield();
}
DEVICE void sleep_pause() { spin_pause(); }
inline u32 __byte_perm(u32 a, u32 b, u32 s) {
  u32 x = 0;
  for (int i = 0; i < 4; i++) x |= (u32)((a | (u64)b << 32) >> (8 * (s >> (4 * i) & 7)) & 255) << (8 * i);
  return x;
}
DEVICE u32 load_shared(u32 address) {
  if (address % 4) abort();
  u32 x;
  memcpy(&x, emulator::shared + address, 4);
  return x;
}
DEVICE void load_shared(u32 (&x)[2], u32 address) {
  if (address % 8) abort();
  memcpy(x, emulator::shared + address, 8);
}
DEVICE void load_shared(u32 (&x)[4], u32 address) {
  if (address % 16) abort();
  memcpy(x, emulator::shared + address, 16);
}
DEVICE int thread_now() { return threadIdx.x; }
DEVICE int block_now() { return blockIdx.x; }
inline uint4 __ldcg(const uint4* p) { return *p; }
inline uint4 load_host(const uint4* p) { return *p; }
inline u32 __ldcs(const u32* p) { return *p; }
inline float4 __ldcg(const float4* p) { return *p; }
inline float __ldcg(const float* p) { return *p; }
DEVICE void fence_device() {}
template <int THREADS>
void threads_sync(int number) {
  emulator::GroupBarrier& b = emulator::group_barriers[emulator::rank][number];
  int turn = b.turn;
  if (++b.arrived == THREADS) {
    b.arrived = 0;
    b.turn++;
  } else {
    while (b.turn == turn) emulator::yield();
  }
}
template <int THREADS>
bool threads_or(int number, bool any) {
  static thread_local int said[16];
  said[number] += any;
  threads_sync<THREADS>(number);
  const bool result = said[number] > 0;
  threads_sync<THREADS>(number);
  said[number] = 0;
  return result;
}
#define CLUSTER(blocks)
DEVICE int cluster_rank() { return emulator::rank; }
DEVICE void cluster_arrive() {
  using namespace emulator;
  current->cluster_turn = cluster_turn + 1;
  if (++cluster_arrived == cluster_size * threads.x) {
    cluster_arrived = 0;
    cluster_turn++;
  }
}
DEVICE void cluster_wait() {
  while (emulator::cluster_turn < emulator::current->cluster_turn) emulator::yield();
}
DEVICE void store_cluster(u32 address, int rank, float x) {
  if (address % 4) abort();
  memcpy(emulator::memory[rank] + address, &x, 4);
}
DEVICE void warp_sync() { emulator::collective([](emulator::Warp&) {}); }

// Hopper. A map says what emulated_device.cpp's cuTensorMapEncodeTiled writes; products are done
// when they are started.
struct TensorMap {
  u64 address, columns, rows, pitch_bytes, box_rows, unused[11];
};
DEVICE bool elected() { return (threadIdx.x & 31) == 0; }
// Kernels run one after the other; `late` says what that hides.
DEVICE void await_earlier() { emulator::current->awaited = true; }
DEVICE void let_next_start() {}
DEVICE void begin_kernel() { await_earlier(); }
template <int COUNT>
DEVICE void registers_keep() {}
template <int COUNT>
DEVICE void registers_take() {}
DEVICE void copy_bulk_once(u32 to, const void* from, u32 bytes, u32 b) { copy_bulk(to, from, bytes, b); }
DEVICE void copy_box(u32 to, const TensorMap& map, int column, int row, u32 b) {
  if (to % 1024 || map.address % 16 || map.pitch_bytes % 16) abort();
  for (u64 r = 0; r < map.box_rows; r++)
    for (u64 c = 0; c < 64; c++) {
      u16 x = 0;
      if (row + r < map.rows && column + c < map.columns)
        memcpy(&x, (const u8*)map.address + (row + r) * map.pitch_bytes + (column + c) * 2, 2);
      u32 at = to + r * 128 + ((c / 8 ^ (r & 7)) << 4) + c % 8 * 2;
      memcpy(emulator::shared + at, &x, 2);
    }
  barrier_complete(b, map.box_rows * 128);
}
DEVICE void wgmma_fence() {}
DEVICE void wgmma_commit() {}
template <int PENDING>
DEVICE void wgmma_wait() {}
template <int LENGTH>
void wgmma(float (&d)[LENGTH], const u32 (&a)[4], u64 b, int add) {
  const int N = LENGTH * 2;
  const int thread = threadIdx.x, lane = thread & 127;
  emulator::Group& w = emulator::groups[emulator::rank * ((blockDim.x + 127) / 128) + thread / 128];
  const int turn = w.turn;
  w.a[lane] = a;
  w.d[lane] = d;
  if (++w.arrived < 128) {
    while (w.turn == turn) emulator::yield();
    return;
  }
  static thread_local float A[64][16], B[16][256];
  for (int t = 0; t < 128; t++)
    for (int i = 0; i < 4; i++)
      for (int e = 0; e < 2; e++)
        A[t / 32 * 16 + (t % 32 >> 2) + (i & 1) * 8][(t & 3) * 2 + e + (i >> 1) * 8] = emulator::bf16(w.a[t][i], e);
  const u32 start = (u32)(b & 0x3fff) << 4, stride = (u32)(b >> 32 & 0x3fff) << 4;
  if (b >> 62 != 1) abort();
  for (int n = 0; n < N; n++)
    for (int k = 0; k < 16; k++) {
      u32 at = start + n / 8 * stride + n % 8 * 128 + k * 2;
      at ^= (at >> 7 & 7) << 4;
      u16 x;
      memcpy(&x, emulator::shared + at, 2);
      B[k][n] = bf16_float(x);
    }
  for (int t = 0; t < 128; t++)
    for (int i = 0; i < LENGTH; i++) {
      const int row = t / 32 * 16 + (t % 32 >> 2) + (i >> 1 & 1) * 8, n = i / 4 * 8 + (t & 3) * 2 + (i & 1);
      float sum = add ? w.d[t][i] : 0.f;
      for (int k = 0; k < 16; k++) sum += A[row][k] * B[k][n];
      w.d[t][i] = sum;
    }
  w.arrived = 0;
  w.turn++;
}
#define MATRIX_DESCRIPTOR_HIGH ((u64)(1024 >> 4) << 32 | (u64)1 << 62)
DEVICE u64 matrix_descriptor(u32 address) {
  if (address % 1024) abort();
  return MATRIX_DESCRIPTOR_HIGH | (u64)1 << 16 | (u64)((address & 0x3ffff) >> 4);
}
