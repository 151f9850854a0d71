// Attention of 128 rows, each a query, to a page after another: what prefill and prefix attention
// share. Eight warps take 16 rows each; rows g and g + 8 of a warp are a thread's 0 and 1.
//
// `Pages` says how keys and values are stored and become operands: pages.cuh, pages8.cuh.
#pragma once

#define PREFILL_THREADS 256
#define TILE_ROWS 128

template <class Pages>
struct TileSums {
  u32 q[STEPS][4];
  float o[2 * STEPS][4];
  float top0, top1;  // largest scores so far
  float sum0, sum1;  // of weights; of this thread's tokens until `gather`

  DEVICE void load_queries(const u16* q0, const u16* q1) {
    const int c = threadIdx.x & 3;
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      Pages::query(q0, s, c, q[s][0], q[s][2]);
      Pages::query(q1, s, c, q[s][1], q[s][3]);
    }
  }

  DEVICE void clear() {
#pragma unroll
    for (int n = 0; n < 2 * STEPS; n++) o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0;
    top0 = top1 = -1e30f;
    sum0 = sum1 = 0;
  }

  // Scores of 16 rows and the page's 64 tokens. `here`: the page as it was copied, with its scales.
  DEVICE void score(float (*p)[4], u32 page, const u8* here) const {
    const int c = threadIdx.x & 3;
#pragma unroll
    for (int n = 0; n < 8; n++) p[n][0] = p[n][1] = p[n][2] = p[n][3] = 0;
#pragma unroll
    for (int s = 0; s < STEPS; s += 2) {
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        u32 b[2][4];
        Pages::key_columns(b, page, n * 8, s);
#pragma unroll
        for (int k = 0; k < 2; k++) {
          multiply_add(p[n], q[s + k], b[k][0], b[k][1]);
          multiply_add(p[n + 1], q[s + k], b[k][2], b[k][3]);
        }
      }
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
      const float low = Pages::key_scale(here, n * 8 + c * 2);
      const float high = Pages::key_scale(here, n * 8 + c * 2 + 1);
      p[n][0] *= low;
      p[n][1] *= high;
      p[n][2] *= low;
      p[n][3] *= high;
    }
  }

  // Adds the page's values by their scores, of which each row has a real one so far: masked scores
  // weigh 0.
  DEVICE void add(float (*p)[4], u32 page, const u8* here, float scale) {
    const int c = threadIdx.x & 3;
    float m0 = -1e30f, m1 = -1e30f;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      m0 = fmaxf(m0, fmaxf(p[n][0], p[n][1]));
      m1 = fmaxf(m1, fmaxf(p[n][2], p[n][3]));
    }
#pragma unroll
    for (int d = 1; d < 4; d <<= 1) {
      m0 = fmaxf(m0, __shfl_xor_sync(FULL_WARP, m0, d));
      m1 = fmaxf(m1, __shfl_xor_sync(FULL_WARP, m1, d));
    }
    m0 = fmaxf(m0, top0);
    m1 = fmaxf(m1, top1);
    const float shrink0 = exp2_fast((top0 - m0) * scale);
    const float shrink1 = exp2_fast((top1 - m1) * scale);
    top0 = m0;
    top1 = m1;
    const float minus0 = m0 * scale, minus1 = m1 * scale;
    sum0 *= shrink0;
    sum1 *= shrink1;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      p[n][0] = exp2_fast(p[n][0] * scale - minus0);
      p[n][1] = exp2_fast(p[n][1] * scale - minus0);
      p[n][2] = exp2_fast(p[n][2] * scale - minus1);
      p[n][3] = exp2_fast(p[n][3] * scale - minus1);
      sum0 += p[n][0] + p[n][1];
      sum1 += p[n][2] + p[n][3];
    }
#pragma unroll
    for (int n = 0; n < 2 * STEPS; n++) {
      o[n][0] *= shrink0;
      o[n][1] *= shrink0;
      o[n][2] *= shrink1;
      o[n][3] *= shrink1;
    }
#pragma unroll
    for (int n = 0; n < 8; n++) {
      const float low = Pages::value_scale(here, n * 8 + c * 2);
      const float high = Pages::value_scale(here, n * 8 + c * 2 + 1);
      p[n][0] *= low;
      p[n][1] *= high;
      p[n][2] *= low;
      p[n][3] *= high;
    }
#pragma unroll
    for (int t = 0; t < 4; t++) {
      u32 a[4] = {bf16_pair(p[2 * t][0], p[2 * t][1]), bf16_pair(p[2 * t][2], p[2 * t][3]),
                  bf16_pair(p[2 * t + 1][0], p[2 * t + 1][1]),
                  bf16_pair(p[2 * t + 1][2], p[2 * t + 1][3])};
#pragma unroll
      for (int s = 0; s < STEPS; s += 2) {
        u32 b[2][4];
        Pages::value_rows(b, page, t * 16, s);
#pragma unroll
        for (int k = 0; k < 2; k++) {
          multiply_add(o[2 * (s + k)], a, b[k][0], b[k][1]);
          multiply_add(o[2 * (s + k) + 1], a, b[k][2], b[k][3]);
        }
      }
    }
  }

  // Sums of weights of all tokens.
  DEVICE void gather() {
#pragma unroll
    for (int d = 1; d < 4; d <<= 1) {
      sum0 += __shfl_xor_sync(FULL_WARP, sum0, d);
      sum1 += __shfl_xor_sync(FULL_WARP, sum1, d);
    }
  }
};
