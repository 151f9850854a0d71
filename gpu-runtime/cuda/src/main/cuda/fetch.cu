// What the host has written, out of its memory: ranges of 16-byte pieces. A copy would wait for the copy engine,
// and kernels behind it for the copy.
#include "prelude.cuh"

#define FETCH_RANGES 12

struct FetchWork {
  const uint4* from;  // pinned host memory
  uint4* to;          // device memory of the same layout
  int ranges;
  int first[FETCH_RANGES], count[FETCH_RANGES];  // pieces
};

// grid covers all pieces
KERNEL void __launch_bounds__(256) fetch(const FetchWork work) {
  begin_kernel();
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  for (int r = 0; r < work.ranges; r++) {
    if (i < work.count[r]) {
      work.to[work.first[r] + i] = load_host(work.from + work.first[r] + i);
      return;
    }
    i -= work.count[r];
  }
}
