// Decode attention over pages in bf16.
#include "prelude.cuh"
#include "pages.cuh"
#include "partials.cuh"
#include "decode_attention.cuh"

KERNEL void __launch_bounds__(GROUPS_MAX * GROUP_THREADS, 1) decode_attention(DecodeWork work) {
  let_next_start();
  decode<Bf16Pages>(work);
}
