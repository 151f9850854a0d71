// What every kernel needs of the machine: number types, bf16, tensor-core and copy instructions.
// Inline PTX in place of CUDA's own headers: NVRTC ships none, and each costs compile time.
// src/test/cuda/emulator.cuh gives the same names a meaning on a CPU.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define KERNEL extern "C" __global__
#define DEVICE __device__ __forceinline__
#define FULL_WARP 0xffffffffu
// Whole pages by one bulk copy each, counted by an mbarrier; sm_90 and later.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define BULK_COPY 1
#else
#define BULK_COPY 0
#endif
#define DYNAMIC_SHARED(name) extern __shared__ __align__(1024) u8 name[]

#define NEGATIVE_INFINITY (-__uint_as_float(0x7f800000u))

// bf16 is the upper half of a float32; pairs travel in one u32, the first in the low half.
DEVICE float bf16_low(u32 pair) { return __uint_as_float(pair << 16); }
DEVICE float bf16_high(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }
DEVICE float bf16_float(u16 x) { return __uint_as_float((u32)x << 16); }

DEVICE u32 bf16_pair(float low, float high) {
  u32 pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// a b + c, element by element, rounded once. Subnormal numbers are numbers like others.
DEVICE u32 bf16_fma(u32 a, u32 b, u32 c) {
  u32 sum;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(b), "r"(c));
  return sum;
}
DEVICE u32 bf16_add(u32 a, u32 b) { return bf16_fma(a, 0x3f803f80u, b); }
DEVICE u32 bf16_multiply(u32 a, u32 b) { return bf16_fma(a, b, 0x80008000u); }

DEVICE u16 bf16_of(float x) { return (u16)bf16_pair(x, 0.f); }

DEVICE float f16_float(u16 x) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(x));
  return f;
}

DEVICE float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }
DEVICE u32 load_shared(u32 address) {
  u32 x;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(x) : "r"(address) : "memory");
  return x;
}
DEVICE void load_shared(u32 (&x)[2], u32 address) {
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];"
               : "=r"(x[0]), "=r"(x[1])
               : "r"(address)
               : "memory");
}

DEVICE void load_shared(u32 (&x)[4], u32 address) {
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3])
               : "r"(address)
               : "memory");
}

// threadIdx.x and blockIdx.x read anew each time: nothing made of them is kept in registers from one
// use to the next.
DEVICE int thread_now() {
  int x;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
}
DEVICE int block_now() {
  int x;
  asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(x));
  return x;
}

// Four 8x8 matrices of b16 from shared memory, a row's 16 bytes from each lane's address.
DEVICE void load_matrices(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

DEVICE void load_matrices_transposed(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address));
}

// d (16x8) += a (16x16, row) b (16x8, column), bf16 in, float32 sums.
DEVICE void multiply_add(float* d, const u32* a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// A kernel may be launched so that it starts before those ahead of it in its stream have ended
// (programmatic dependent launch, sm_90 and later): their results may be read, and what they read
// be overwritten, only after await_earlier. Every kernel waits once, even one with nothing to do:
// those behind it take its end for the end of all before it.
DEVICE void await_earlier() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// The next kernel may start once all blocks of this one have come here. Not for kernels that wait
// for other ranks: blocks that have started keep room that those ranks may need.
DEVICE void let_next_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
DEVICE void begin_kernel() {
  let_next_start();
  await_earlier();
}

// The 8x8 matrix of b16 that a warp holds in one register a lane, transposed.
DEVICE u32 transpose_matrix(u32 x) {
  u32 y;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
  return y;
}

DEVICE void copy_async16(u32 to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
DEVICE void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int PENDING>
DEVICE void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// Barriers in shared memory.
DEVICE void barrier_init(u32 barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier));
}
// Ends a phase after `arrivals` of barrier_expect, barrier_arrive and copy_arrive, and the bytes
// expected.
DEVICE void barrier_init_many(u32 barrier, u32 arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}
DEVICE void barrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// Arrives once this thread's copies by copy_async16 have landed.
DEVICE void copy_arrive(u32 barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
#if BULK_COPY
#define BARRIER_TRY "mbarrier.try_wait"
#else
#define BARRIER_TRY "mbarrier.test_wait"
#endif
DEVICE void barrier_wait(u32 barrier, u32 phase) {
  asm volatile(
      "{.reg .pred P;\n"
      "W_%=: " BARRIER_TRY ".parity.shared::cta.b64 P, [%0], %1;\n"
      "@P bra.uni D_%=;\n"
      "bra.uni W_%=;\n"
      "D_%=:}" ::"r"(barrier),
      "r"(phase)
      : "memory");
}

#if BULK_COPY
// True in one lane of a whole warp.
DEVICE bool elected() {
  u32 here;
  asm volatile(
      "{.reg .pred P;\n"
      "elect.sync _|P, 0xffffffff;\n"
      "selp.u32 %0, 1, 0, P;}"
      : "=r"(here));
  return here;
}
DEVICE void barrier_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;"); }
// Thread blocks that run at the same time and reach each other's shared memory.
#define CLUSTER(blocks) __cluster_dims__(blocks, 1, 1)
DEVICE int cluster_rank() {
  int x;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(x));
  return x;
}
// A barrier of all threads of a cluster; what was written to shared memory before is seen after.
DEVICE void cluster_arrive() { asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"); }
DEVICE void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }
// Into another block's shared memory, at the place `address` is in this one's.
DEVICE void store_cluster(u32 address, int rank, float x) {
  asm volatile(
      "{.reg .u32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "st.shared::cluster.f32 [there], %2;}" ::"r"(address),
      "r"(rank), "f"(x)
      : "memory");
}
DEVICE void barrier_expect(u32 barrier, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
// A copy of bytes that will not be read again soon: first to leave the second-level cache.
DEVICE void copy_bulk_once(u32 to, const void* from, u32 bytes, u32 barrier) {
  u64 policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint "
      "[%0], [%1], %2, [%3], %4;" ::"r"(to),
      "l"(from), "r"(bytes), "r"(barrier), "l"(policy)
      : "memory");
}
#else
DEVICE void barrier_init_fence() {}
#endif

// Of the host's memory, which it writes between kernels: as it is now.
DEVICE uint4 load_host(const uint4* p) {
  uint4 v;
  asm volatile("ld.volatile.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p)
               : "memory");
  return v;
}

// Flags between ranks, on one device or several.
DEVICE void store_release(u32* p, u32 x) {
  asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(p), "r"(x) : "memory");
}
DEVICE u32 load_acquire(const u32* p) {
  u32 x;
  asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(x) : "l"(p) : "memory");
  return x;
}
// Between thread blocks of a device: what this thread wrote, and what it has seen written, whoever finds
// the sum sees too.
DEVICE void add_release(u32* p, u32 x) {
  asm volatile("red.release.gpu.global.add.u32 [%0], %1;" ::"l"(p), "r"(x) : "memory");
}
DEVICE u32 load_acquire_device(const u32* p) {
  u32 x;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(x) : "l"(p) : "memory");
  return x;
}
DEVICE void fail_kernel() { asm volatile("trap;"); }
DEVICE u64 nanoseconds() {
  u64 t;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
  return t;
}
DEVICE void fence_device() { __threadfence(); }
DEVICE void fence_system() { __threadfence_system(); }
DEVICE void spin_pause() {}
// The same where what is waited for is not there for long.
DEVICE void sleep_pause() { __nanosleep(500); }

// A barrier of so many threads, by its number from 1 on.
template <int THREADS>
DEVICE void threads_sync(int number) {
  asm volatile("bar.sync %0, %1;" ::"r"(number), "n"(THREADS) : "memory");
}
// The same; whether any of them says so.
template <int THREADS>
DEVICE bool threads_or(int number, bool any) {
  u32 result;
  asm volatile(
      "{.reg .pred P, Q;\n"
      "setp.ne.u32 P, %1, 0;\n"
      "bar.red.or.pred Q, %2, %3, P;\n"
      "selp.u32 %0, 1, 0, Q;}"
      : "=r"(result)
      : "r"((u32)any), "r"(number), "n"(THREADS)
      : "memory");
  return result != 0;
}
DEVICE void warp_sync() { __syncwarp(); }

DEVICE float warp_sum(float x) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL_WARP, x, d);
  return x;
}

DEVICE float warp_max(float x) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, d));
  return x;
}
