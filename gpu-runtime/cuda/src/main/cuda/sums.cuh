// Products with int4 weights whose sums thread blocks have left in memory, for whoever reads the product
// to add.
//
// The work of a product is cut into units of 256 outputs x 128 inputs, in the order of the outputs, each
// output block's inputs in a row. Every thread block takes an equal run of units, its share: all read
// the same number of bytes, whatever the shape. Of each output block it took part in, it leaves the sums
// over its inputs; they are added in the order of the inputs. The cut depends on the shape of W and the
// number of thread blocks alone: a token's result does not depend on its neighbours.
#pragma once

#include "eights.cuh"

#define BLOCK_OUTPUTS 256

// The first unit of a share. (Units times shares are fewer than 2^32: there is no memory for more.)
DEVICE int share_start(int share, int shares, int units) {
  return (int)((u32)share * (u32)units / (u32)shares);
}

// The share a unit is in.
DEVICE int share_of(int unit, int shares, int units) {
  return (int)((((u32)unit + 1) * (u32)shares - 1) / (u32)units);
}

struct ProductSums {
  const float* parts;  // (share + output block, tokens, BLOCK_OUTPUTS)
  const u16* bias;     // (outputs) bf16, or null
  int columns;         // units of an output block
  int units, shares;
  int tokens;  // of a part
};

// What outputs of a token, from `output` on and of one output block, are the sums of. Where that is can
// be reckoned before it is there.
struct Summands {
  const float* from;
  const u16* bias;
  int count, step;

  DEVICE Summands(const ProductSums& s, int token, int output) {
    const int block = output / BLOCK_OUTPUTS, first_unit = block * s.columns;
    const int first = share_of(first_unit, s.shares, s.units);
    count = share_of(first_unit + s.columns - 1, s.shares, s.units) + 1 - first;
    step = s.tokens * BLOCK_OUTPUTS;
    from = s.parts + (u64)(first + block) * step + token * BLOCK_OUTPUTS + output % BLOCK_OUTPUTS;
    bias = s.bias ? s.bias + output : 0;
  }

  // RUNS runs of LENGTH outputs, `apart` from each other. AHEAD parts are read at a time: the threads
  // that add are few, and each part is far away.
  template <int AHEAD, int RUNS, int LENGTH>
  DEVICE void sum(float (&x)[RUNS][LENGTH], int apart = 0) const {
#pragma unroll
    for (int r = 0; r < RUNS; r++)
#pragma unroll
      for (int e = 0; e < LENGTH; e++) x[r][e] = 0.f;
    const float* p = from;
#pragma unroll 1
    for (int left = count; left > 0; left -= AHEAD) {
      float part[AHEAD][RUNS][LENGTH];
#pragma unroll
      for (int j = 0; j < AHEAD; j++)
#pragma unroll
        for (int r = 0; r < RUNS; r++) {
#pragma unroll
          for (int e = 0; e < LENGTH; e++) part[j][r][e] = 0.f;
          if (j < left) read_run(p + j * step + r * apart, part[j][r]);
        }
#pragma unroll
      for (int j = 0; j < AHEAD; j++)
#pragma unroll
        for (int r = 0; r < RUNS; r++)
#pragma unroll
          for (int e = 0; e < LENGTH; e++) x[r][e] += part[j][r][e];
      p += AHEAD * step;
    }
    if (bias) {
#pragma unroll
      for (int r = 0; r < RUNS; r++) {
        float part[LENGTH];
        read_run(bias + r * apart, part);
#pragma unroll
        for (int e = 0; e < LENGTH; e++) x[r][e] += part[e];
      }
    }
  }
};
