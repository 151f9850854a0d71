// Prefill and prefix attention over pages in bf16.
#include "prelude.cuh"
#include "pages.cuh"
#include "partials.cuh"
#include "attention_tile.cuh"
#include "prefill_attention.cuh"
#include "prefix_attention.cuh"

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefill_attention(PrefillWork work) {
  begin_kernel();
  prefill<Bf16Pages>(work);
}

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefix_attention(PrefixWork work) {
  let_next_start();
  attend_prefixes<Bf16Pages>(work);
}
