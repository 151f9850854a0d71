// Hopper's own: tensor-core products of four warps at once, boxes copied by tensor maps, registers
// moved between warps. sm_90a alone. src/test/cuda/emulator.cuh gives the same names a meaning on
// a CPU.
#pragma once

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define WGMMA 1
#else
#define WGMMA 0
#endif

// What cuTensorMapEncodeTiled writes: where a matrix is and how a box of it goes to shared memory.
struct __align__(64) TensorMap {
  u64 opaque[16];
};

#if WGMMA
// Registers a thread, moved between the groups of four warps of a block.
template <int COUNT>
DEVICE void registers_keep() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
}
template <int COUNT>
DEVICE void registers_take() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
}

// A box of the map's size from column `column`, row `row` on; zeros beyond the matrix. Counts all
// of the box's bytes.
DEVICE void copy_box(u32 to, const TensorMap& map, int column, int row, u32 barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3}], [%4];" ::"r"(to),
      "l"(&map), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}

DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int PENDING>
DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

#define D8(i)                                                                             \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define R8_0 "%0,%1,%2,%3,%4,%5,%6,%7"
#define R8_1 "%8,%9,%10,%11,%12,%13,%14,%15"
#define R8_2 "%16,%17,%18,%19,%20,%21,%22,%23"
#define R8_3 "%24,%25,%26,%27,%28,%29,%30,%31"
#define R8_4 "%32,%33,%34,%35,%36,%37,%38,%39"
#define R8_5 "%40,%41,%42,%43,%44,%45,%46,%47"
#define R8_6 "%48,%49,%50,%51,%52,%53,%54,%55"
#define R8_7 "%56,%57,%58,%59,%60,%61,%62,%63"
// N: columns. REGISTERS: sums. A, B, ADD: numbers of the operands behind them.
#define WGMMA_CODE(N, REGISTERS, A, B, ADD)                                              \
  "{.reg .pred p; setp.ne.b32 p, " ADD ", 0;\n"                                          \
  "wgmma.mma_async.sync.aligned.m64n" N "k16.f32.bf16.bf16 {" REGISTERS "}, {" A "}, " B \
  ", p, 1, 1, 0;}"
#define WGMMA_IN "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add)

// d (64 x N) = a (64 x 16, bf16, registers) b (16 x N, bf16, shared memory), added to d if `add`. N
// is twice the length of d. d and a are laid out over the four warps as those of multiply_add, a
// warp 16 rows, d 8 columns after another. Runs on until waited for.
DEVICE void wgmma(float (&d)[4], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("8", "%0,%1,%2,%3", "%4,%5,%6,%7", "%8", "%9")
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : WGMMA_IN);
}
DEVICE void wgmma(float (&d)[8], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("16", R8_0, "%8,%9,%10,%11", "%12", "%13") : D8(0) : WGMMA_IN);
}
DEVICE void wgmma(float (&d)[16], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("32", R8_0 "," R8_1, "%16,%17,%18,%19", "%20", "%21")
               : D8(0), D8(8)
               : WGMMA_IN);
}
DEVICE void wgmma(float (&d)[32], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("64", R8_0 "," R8_1 "," R8_2 "," R8_3, "%32,%33,%34,%35", "%36", "%37")
               : D8(0), D8(8), D8(16), D8(24)
               : WGMMA_IN);
}
DEVICE void wgmma(float (&d)[48], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("96",
                          R8_0 "," R8_1 "," R8_2 "," R8_3 "," R8_4 "," R8_5,
                          "%48,%49,%50,%51", "%52", "%53")
               : D8(0), D8(8), D8(16), D8(24), D8(32), D8(40)
               : WGMMA_IN);
}
DEVICE void wgmma(float (&d)[64], const u32 (&a)[4], u64 b, int add) {
  asm volatile(WGMMA_CODE("128",
                          R8_0 "," R8_1 "," R8_2 "," R8_3 "," R8_4 "," R8_5 "," R8_6 "," R8_7,
                          "%64,%65,%66,%67", "%68", "%69")
               : D8(0), D8(8), D8(16), D8(24), D8(32), D8(40), D8(48), D8(56)
               : WGMMA_IN);
}
#endif

// Describes rows of 64 bf16 in shared memory, 16-byte chunk c of row r stored at c ^ (r & 7), from a
// multiple of 1024 bytes on: eight rows 1024 bytes apart, the 128-byte swizzle. 16 columns on: + 2.
// The high half is the same for all.
#define MATRIX_DESCRIPTOR_HIGH ((u64)(1024 >> 4) << 32 | (u64)1 << 62)
DEVICE u64 matrix_descriptor(u32 address) {
  return MATRIX_DESCRIPTOR_HIGH | (u64)1 << 16 | (u64)((address & 0x3ffff) >> 4);
}
