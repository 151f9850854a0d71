// Eight elements at a time: 16 bytes of bf16, or 32 of float32.
#pragma once

DEVICE void read8(const float* p, float* x) {
  float4 a = *(const float4*)p, b = *(const float4*)(p + 4);
  x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
  x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
}
DEVICE void read8(const u16* p, float* x) {
  uint4 v = *(const uint4*)p;
  x[0] = bf16_low(v.x), x[1] = bf16_high(v.x), x[2] = bf16_low(v.y), x[3] = bf16_high(v.y);
  x[4] = bf16_low(v.z), x[5] = bf16_high(v.z), x[6] = bf16_low(v.w), x[7] = bf16_high(v.w);
}
DEVICE uint4 pack8(const float* x) {
  return make_uint4(bf16_pair(x[0], x[1]), bf16_pair(x[2], x[3]), bf16_pair(x[4], x[5]),
                    bf16_pair(x[6], x[7]));
}
DEVICE void write8(float* p, const float* x) {
  *(float4*)p = make_float4(x[0], x[1], x[2], x[3]);
  *(float4*)(p + 4) = make_float4(x[4], x[5], x[6], x[7]);
}
DEVICE void write8(u16* p, const float* x) { *(uint4*)p = pack8(x); }

// Runs of eight, or of four.
template <class T>
DEVICE void read_run(const T* p, float (&x)[8]) {
  read8(p, x);
}
template <class T>
DEVICE void write_run(T* p, const float (&x)[8]) {
  write8(p, x);
}
DEVICE void read_run(const float* p, float (&x)[4]) {
  const float4 v = *(const float4*)p;
  x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
}
DEVICE void read_run(const u16* p, float (&x)[4]) {
  const uint2 v = *(const uint2*)p;
  x[0] = bf16_low(v.x), x[1] = bf16_high(v.x), x[2] = bf16_low(v.y), x[3] = bf16_high(v.y);
}
DEVICE void write_run(float* p, const float (&x)[4]) {
  *(float4*)p = make_float4(x[0], x[1], x[2], x[3]);
}
DEVICE void write_run(u16* p, const float (&x)[4]) {
  *(uint2*)p = make_uint2(bf16_pair(x[0], x[1]), bf16_pair(x[2], x[3]));
}
