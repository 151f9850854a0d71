// Prefill attention over pages in bf16.
#include "prelude.cuh"
#include "pages.cuh"
#include "prefill_attention.cuh"

KERNEL void __launch_bounds__(PREFILL_THREADS, 1) prefill_attention(PrefillWork work) {
  begin_kernel();
  prefill<Bf16Pages>(work);
}
