// One kernel file of src/main/cuda as a shared library: -DSOURCE='"norm.cu"' -DHEAD_SIZE=64 ...
#include "emulator.cuh"
#include SOURCE
#include "emulated_entries.inc"
