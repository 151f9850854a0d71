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

DEVICE void add(float (&x)[8], const float (&y)[8]) {
#pragma unroll
  for (int i = 0; i < 8; i++) x[i] += y[i];
}

// Eight outputs from `output` on, a multiple of 8, of a token.
DEVICE void sum8(const ProductSums& s, int token, int output, float (&x)[8]) {
  const int block = output / BLOCK_OUTPUTS, first_unit = block * s.columns;
  const int first = share_of(first_unit, s.shares, s.units);
  const int last = share_of(first_unit + s.columns - 1, s.shares, s.units);
  const float* p = s.parts + ((u64)(first + block) * s.tokens + token) * BLOCK_OUTPUTS +
                   output % BLOCK_OUTPUTS;
#pragma unroll
  for (int i = 0; i < 8; i++) x[i] = 0.f;
  float part[8];
#pragma unroll 2
  for (int share = first; share <= last; share++, p += s.tokens * BLOCK_OUTPUTS) {
    read8(p, part);
    add(x, part);
  }
  if (s.bias) {
    read8(s.bias + output, part);
    add(x, part);
  }
}
