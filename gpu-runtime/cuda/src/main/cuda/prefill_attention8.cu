// Prefill and prefix attention over pages of 8-bit numbers.
#include "prelude.cuh"
#include "pages.cuh"
#include "pages8.cuh"
#include "partials.cuh"
#include "attention_tile.cuh"
#include "prefill_attention.cuh"
#include "prefix_attention.cuh"

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefill_attention_int8(PrefillWork work) {
  begin_kernel();
  prefill<WidenedPages<Int8>>(work);
}

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefill_attention_fp8(PrefillWork work) {
  begin_kernel();
  prefill<WidenedPages<Fp8>>(work);
}

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefix_attention_int8(PrefixWork work) {
  let_next_start();
  attend_prefixes<WidenedPages<Int8>>(work);
}

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefix_attention_fp8(PrefixWork work) {
  let_next_start();
  attend_prefixes<WidenedPages<Fp8>>(work);
}
