// Decode attention over pages of 8-bit numbers.
#include "prelude.cuh"
#include "pages.cuh"
#include "pages8.cuh"
#include "partials.cuh"
#include "decode_attention.cuh"

KERNEL void __launch_bounds__(GROUPS_MAX * GROUP_THREADS, 1) decode_attention_int8(DecodeWork work) {
  let_next_start();
  decode<NarrowPages<Int8>>(work);
}

KERNEL void __launch_bounds__(GROUPS_MAX * GROUP_THREADS, 1) decode_attention_fp8(DecodeWork work) {
  let_next_start();
  decode<NarrowPages<Fp8>>(work);
}
