// Logit tasks: draw the next token or score a given one, from float32 logits. `survey` reads a task's
// logits once, by many blocks; `sample` has a block a task, which for a greedy draw or a score reads no more.
//
// Order of operations of a draw: bias and bans, penalties, temperature, top-k, top-p, min-p, draw.
// Log-probabilities are of the raw logits. Filters work without sorting: scores are counted (or
// weighed) in 2048 bins of their distance from the largest, the bin of the threshold is cut again
// twice, which resolves float32. Sums of weights are integers, so that their order is of no matter.
// A draw is the token at a given share of the running sum of what the filters left, in order of
// token id; the host makes the share from seed and draw index, so that no draw depends on slot,
// batch or rank, and it is the token that a draw on the host finds.
#include "prelude.cuh"

#define SAMPLE_THREADS 512
#define SURVEY_THREADS 256
// Parts that a task's logits are surveyed in: always as many, so that no sum depends on the batch.
#define SURVEY_SLICES 16
#define BINS 2048
#define CANDIDATES 1024
// Weights relative to the largest are counted in 2^-40: 2^22 tokens keep their sum below 2^62.
#define MASS_UNIT 1.099511627776e12f
// Stands for a token where none can be drawn.
#define NO_TOKEN -1
#define KIND_DRAW 0
#define KIND_SCORE 1

// 64 bytes
struct LogitTaskRecord {
  int row;          // of the logits
  int kind;         // KIND_DRAW or KIND_SCORE
  int target;       // token to score
  int top_count;    // most likely tokens to report
  int top_start;    // where, among all reported
  int edits_start;  // first edit
  int edits_count;  // edits, ascending by token
  int top_k;        // 0: off
  float temperature;  // 0: greedy
  float top_p;        // 1: off
  float min_p_log;    // ln(min_p); -infinity: off
  int pad0;
  double share;       // in [0, 1)
  u64 pad1;
};

// What a draw does to one logit: x + bias; times or divided by repetition; minus penalty.
struct LogitEdit {
  int token;
  float bias;  // -infinity: banned
  float repetition;
  float penalty;
};

// What logits, or some of them, are like.
struct Survey {
  float top;    // the largest; -infinity of none
  int token;    // the lowest that has it
  float sum;    // of exp(x - top)
  float least;  // of those that are finite

  DEVICE static Survey none(int token) { return {NEGATIVE_INFINITY, token, 0.f, -NEGATIVE_INFINITY}; }

  // Sums of nothing but -infinity are relative to 0, so that none is infinity less infinity.
  DEVICE static float from(float top) { return top == NEGATIVE_INFINITY ? 0.f : top; }

  DEVICE void add(const Survey& other) {
    const float most = from(fmaxf(top, other.top));
    sum = sum * __expf(from(top) - most) + other.sum * __expf(from(other.top) - most);
    if (other.top > top || (other.top == top && other.token < token)) {
      top = other.top;
      token = other.token;
    }
    least = fminf(least, other.least);
  }

  // That of LANES lanes in a row, on each of them.
  template <int LANES>
  DEVICE void join() {
#pragma unroll
    for (int d = LANES / 2; d > 0; d >>= 1) {
      add({__shfl_xor_sync(FULL_WARP, top, d), __shfl_xor_sync(FULL_WARP, token, d),
           __shfl_xor_sync(FULL_WARP, sum, d), __shfl_xor_sync(FULL_WARP, least, d)});
    }
  }
};

struct SampleWork {
  const float* logits;  // (rows, pitch)
  const LogitTaskRecord* tasks;
  const LogitEdit* edits;
  int* tokens;        // (tasks) drawn or scored
  float* logprobs;    // (tasks)
  int* top_tokens;    // all reported
  float* top_logprobs;
  Survey* surveys;      // (tasks, SURVEY_SLICES)
  u64 pitch;            // a multiple of 4
  int vocabulary;
};

struct Best {
  float value;
  int token;
};

DEVICE Best better(Best a, Best b) {
  return b.value > a.value || (b.value == a.value && b.token < a.token) ? b : a;
}

struct SampleShared {
  u64 bins[BINS];
  u64 sums[SAMPLE_THREADS / 32];
  Best best[SAMPLE_THREADS / 32];
  float low[SAMPLE_THREADS / 32];
  Best chosen;
  int bin;
  u64 above;
  int count;
  float values[CANDIDATES];
  int tokens[CANDIDATES];
};

// The scores of one task: raw logits, or edited ones.
struct Scores {
  const float* logits;
  const LogitEdit* edits;
  const u32* edited;  // one bit a token, null where there are no edits
  int count, vocabulary;

  DEVICE float raw(int token) const { return logits[token]; }

  DEVICE float get(int token) const {
    float x = logits[token];
    if (edited == 0 || !(edited[token >> 5] >> (token & 31) & 1)) return x;
    int low = 0, high = count - 1;
    while (low < high) {
      int middle = (low + high) >> 1;
      if (edits[middle].token < token)
        low = middle + 1;
      else
        high = middle;
    }
    LogitEdit edit = edits[low];
    x += edit.bias;
    x = x > 0 ? x / edit.repetition : x * edit.repetition;
    return x - edit.penalty;
  }
};

// Largest score (lowest token among equals), on every thread.
template <class F>
DEVICE Best block_best(SampleShared& s, int n, F score) {
  Best best = {NEGATIVE_INFINITY, n};
  for (int i = threadIdx.x; i < n; i += SAMPLE_THREADS) {
    Best b = {score(i), i};
    best = better(best, b);
  }
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) {
    Best b = {__shfl_xor_sync(FULL_WARP, best.value, d), __shfl_xor_sync(FULL_WARP, best.token, d)};
    best = better(best, b);
  }
  if ((threadIdx.x & 31) == 0) s.best[threadIdx.x >> 5] = best;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < SAMPLE_THREADS / 32; i++) best = better(best, s.best[i]);
    s.chosen = best;
  }
  __syncthreads();
  best = s.chosen;
  __syncthreads();
  return best;
}

// Least of finite scores, on every thread.
template <class F>
DEVICE float block_least(SampleShared& s, int n, float top, F score) {
  float low = top;
  for (int i = threadIdx.x; i < n; i += SAMPLE_THREADS) {
    float x = score(i);
    if (x != NEGATIVE_INFINITY) low = fminf(low, x);
  }
  low = -warp_max(-low);
  if ((threadIdx.x & 31) == 0) s.low[threadIdx.x >> 5] = low;
  __syncthreads();
  for (int i = 0; i < SAMPLE_THREADS / 32; i++) low = fminf(low, s.low[i]);
  __syncthreads();
  return low;
}

// Distance from the largest score in bins: 0 for the largest, below BINS for all.
struct Ruler {
  float top, scale;
  DEVICE float at(float x) const { return fminf((top - x) * scale, BINS - 0.01f); }
};

DEVICE Ruler ruler_of(float top, float least) {
  Ruler r = {top, least < top ? (BINS - 0.01f) / (top - least) : 0.f};
  return r;
}

// The bin in which the running sum of s.bins, from the first, reaches `target` - sum_before (or the
// last that is not empty); adds the sums before it to `before`.
DEVICE int block_find_bin(SampleShared& s, u64 target, u64* before) {
  const int per = BINS / SAMPLE_THREADS;
  int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  u64 own = 0;
  for (int i = 0; i < per; i++) own += s.bins[threadIdx.x * per + i];
  u64 run = own;
#pragma unroll
  for (int d = 1; d < 32; d <<= 1) {
    u64 up = __shfl_up_sync(FULL_WARP, run, d);
    if (lane >= d) run += up;
  }
  if (lane == 31) s.sums[warp] = run;
  if (threadIdx.x == 0) s.bin = -1;
  __syncthreads();
  u64 start = *before, total = *before;
  for (int i = 0; i < SAMPLE_THREADS / 32; i++) {
    if (i < warp) start += s.sums[i];
    total += s.sums[i];
  }
  if (target > total) target = total;
  u64 end = start + run, begin = end - own;
  if (begin < target && target <= end) {
    for (int i = 0; i < per; i++) {
      u64 next = begin + s.bins[threadIdx.x * per + i];
      if (next >= target) {
        s.bin = threadIdx.x * per + i;
        s.above = begin;
        break;
      }
      begin = next;
    }
  }
  __syncthreads();
  int bin = s.bin;
  *before = s.above;
  __syncthreads();
  return bin;
}

// Largest distance from the top that is kept when the scores, from the largest down, are kept until
// their weights reach `target`; equals are kept together. weight(x): u64, 0 for what is left out.
// Returns the threshold as three bins, to be tested by `kept`.
struct Threshold {
  int bins[3];
};

DEVICE int sub_bin(float distance, int level) {
  // exact: the products are by powers of two, the differences of floats within a factor of two or
  // of a float and its whole part
  float whole = floorf(distance);
  if (level == 0) return (int)whole;
  float rest = (distance - whole) * BINS;
  whole = floorf(rest);
  if (level == 1) return (int)whole;
  return (int)((rest - whole) * BINS);
}

DEVICE bool kept(const Threshold& t, float distance) {
#pragma unroll
  for (int level = 0; level < 3; level++) {
    int bin = sub_bin(distance, level);
    if (bin != t.bins[level]) return bin < t.bins[level];
  }
  return true;
}

template <class F, class W>
DEVICE Threshold block_select(SampleShared& s, int n, Ruler ruler, u64 target, F score, W weight) {
  Threshold t = {{0, 0, 0}};
  u64 before = 0;
  for (int level = 0; level < 3; level++) {
    for (int i = threadIdx.x; i < BINS; i += SAMPLE_THREADS) s.bins[i] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += SAMPLE_THREADS) {
      float x = score(i);
      u64 w = weight(x);
      if (w == 0) continue;
      float distance = ruler.at(x);
      bool in = true;
      for (int k = 0; k < level; k++) in = in && sub_bin(distance, k) == t.bins[k];
      if (in) atomicAdd(&s.bins[sub_bin(distance, level)], w);
    }
    __syncthreads();
    t.bins[level] = block_find_bin(s, target, &before);
  }
  return t;
}

// The most likely tokens, best first, and their log-probabilities.
DEVICE void report_top(SampleShared& s, const SampleWork& work, const LogitTaskRecord& task,
                       const Scores& scores, Ruler ruler, float normaliser) {
  auto raw = [&](int token) { return scores.raw(token); };
  Threshold t =
      block_select(s, work.vocabulary, ruler, (u64)task.top_count, raw, [](float) { return (u64)1; });
  if (threadIdx.x == 0) s.count = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < work.vocabulary; i += SAMPLE_THREADS) {
    float x = raw(i);
    if (kept(t, ruler.at(x))) {
      int at = atomicAdd(&s.count, 1);
      if (at < CANDIDATES) {
        s.values[at] = x;
        s.tokens[at] = i;
      }
    }
  }
  __syncthreads();
  int count = min(s.count, CANDIDATES);
  for (int i = threadIdx.x; i < count; i += SAMPLE_THREADS) {
    int rank = 0;
    for (int k = 0; k < count; k++) {
      rank += s.values[k] > s.values[i] ||
              (s.values[k] == s.values[i] && s.tokens[k] < s.tokens[i]);
    }
    if (rank < task.top_count) {
      work.top_tokens[task.top_start + rank] = s.tokens[i];
      work.top_logprobs[task.top_start + rank] = s.values[i] - normaliser;
    }
  }
  __syncthreads();
}

// The token at this share of the running sum of weights, in order of token id.
template <class F, class W>
DEVICE int draw_at_share(SampleShared& s, int n, double share, F score, W weight, int otherwise) {
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = SAMPLE_THREADS / 32;
  const int per = ((n + BINS - 1) / BINS + 31) / 32 * 32;  // tokens of a bin
  u64 own = 0;  // of this warp's bins
  for (int bin = warp; bin < BINS; bin += warps) {
    u64 sum = 0;
    for (int i = bin * per + lane; i < min((bin + 1) * per, n); i += 32) sum += weight(score(i));
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) sum += __shfl_xor_sync(FULL_WARP, sum, d);
    if (lane == 0) s.bins[bin] = sum;
    own += sum;
  }
  if (lane == 0) s.sums[warp] = own;
  __syncthreads();
  u64 total = 0;
  for (int i = 0; i < warps; i++) total += s.sums[i];
  __syncthreads();
  if (total == 0) return otherwise;
  u64 target = (u64)((double)total * share) + 1, before = 0;
  int bin = block_find_bin(s, target, &before);
  if (warp == 0) {
    for (int row = 0; row < per; row += 32) {
      int i = bin * per + row + lane;
      u64 run = i < n ? weight(score(i)) : 0;
#pragma unroll
      for (int d = 1; d < 32; d <<= 1) {
        u64 up = __shfl_up_sync(FULL_WARP, run, d);
        if (lane >= d) run += up;
      }
      // the first lane at or past the target; none where it lies in a later row
      u64 previous = __shfl_up_sync(FULL_WARP, run, 1);
      if (lane == 0) previous = 0;
      if (before + previous < target && before + run >= target) s.chosen.token = i;
      before += __shfl_sync(FULL_WARP, run, 31);
    }
  }
  __syncthreads();
  int token = s.chosen.token;
  __syncthreads();
  return token;
}

// A token among what temperature and filters leave. all: of the raw logits.
DEVICE int draw(SampleShared& s, const SampleWork& work, const LogitTaskRecord& task,
                const Scores& scores, const Survey& all) {
  auto score = [&](int token) { return scores.get(token); };
  int n = work.vocabulary;
  Best top = {all.top, all.token};
  if (task.edits_count > 0) top = block_best(s, n, score);
  if (top.value == NEGATIVE_INFINITY) return NO_TOKEN;
  if (task.temperature == 0.f) return top.token;

  float inverse = 1.f / task.temperature;
  float floor = top.value + task.min_p_log * task.temperature;  // -infinity: off
  bool filtered = task.top_k > 0 || task.top_p < 1.f;
  Threshold by_count = {{BINS, 0, 0}}, by_mass = by_count;
  Ruler ruler = {top.value, 0.f};
  if (filtered) {
    float least = all.least;
    if (task.edits_count > 0) least = block_least(s, n, top.value, score);
    ruler = ruler_of(top.value, least);
  }
  if (task.top_k > 0) {
    by_count = block_select(s, n, ruler, (u64)task.top_k, score,
                            [](float x) { return (u64)(x != NEGATIVE_INFINITY); });
  }
  if (task.top_p < 1.f) {
    auto mass = [&](float x) {
      return kept(by_count, ruler.at(x)) ? (u64)(__expf((x - top.value) * inverse) * MASS_UNIT)
                                         : (u64)0;
    };
    u64 own = 0;
    for (int i = threadIdx.x; i < n; i += SAMPLE_THREADS) own += mass(score(i));
#pragma unroll
    for (int d = 16; d > 0; d >>= 1) own += __shfl_xor_sync(FULL_WARP, own, d);
    if ((threadIdx.x & 31) == 0) s.sums[threadIdx.x >> 5] = own;
    __syncthreads();
    u64 total = 0;
    for (int i = 0; i < SAMPLE_THREADS / 32; i++) total += s.sums[i];
    __syncthreads();
    u64 target = (u64)((double)total * (double)task.top_p);
    by_mass = block_select(s, n, ruler, target < 1 ? 1 : target, score, mass);
  }

  auto weight = [&](float x) {
    if (x < floor || x == NEGATIVE_INFINITY) return (u64)0;
    if (filtered) {
      float distance = ruler.at(x);
      if (!kept(by_count, distance) || !kept(by_mass, distance)) return (u64)0;
    }
    return (u64)(__expf((x - top.value) * inverse) * MASS_UNIT);
  };
  return draw_at_share(s, n, task.share, score, weight, top.token);
}

// grid (SURVEY_SLICES, tasks), block SURVEY_THREADS
KERNEL void __launch_bounds__(SURVEY_THREADS) survey(SampleWork work) {
  begin_kernel();
  __shared__ Survey of_warp[SURVEY_THREADS / 32];
  const LogitTaskRecord& task = work.tasks[blockIdx.y];
  const float* logits = work.logits + (u64)task.row * work.pitch;
  const int fours = (work.vocabulary + 3) / 4;
  const int begin = (int)((u64)blockIdx.x * fours / SURVEY_SLICES);
  const int end = (int)((u64)(blockIdx.x + 1) * fours / SURVEY_SLICES);
  Survey all = Survey::none(work.vocabulary);
#pragma unroll 4
  for (int i = begin + threadIdx.x; i < end; i += SURVEY_THREADS) {
    const float4 v = *(const float4*)(logits + 4 * i);
    float x[4] = {v.x, v.y, v.z, v.w};
    Survey four = Survey::none(work.vocabulary);
#pragma unroll
    for (int e = 0; e < 4; e++) {
      if (4 * i + e >= work.vocabulary) x[e] = NEGATIVE_INFINITY;
      if (x[e] > four.top) {
        four.top = x[e];
        four.token = 4 * i + e;
      }
      if (x[e] != NEGATIVE_INFINITY) four.least = fminf(four.least, x[e]);
    }
#pragma unroll
    for (int e = 0; e < 4; e++) four.sum += __expf(x[e] - Survey::from(four.top));
    all.add(four);
  }
  all.join<32>();
  if ((threadIdx.x & 31) == 0) of_warp[threadIdx.x / 32] = all;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int i = 1; i < SURVEY_THREADS / 32; i++) all.add(of_warp[i]);
    work.surveys[blockIdx.y * SURVEY_SLICES + blockIdx.x] = all;
  }
}

// grid (tasks); dynamic shared memory: one bit a token, in whole u32
KERNEL void __launch_bounds__(SAMPLE_THREADS) sample(SampleWork work) {
  begin_kernel();
  DYNAMIC_SHARED(edited_bytes);
  __shared__ SampleShared s;
  const LogitTaskRecord task = work.tasks[blockIdx.x];
  u32* edited = (u32*)edited_bytes;
  Scores scores = {work.logits + (u64)task.row * work.pitch, work.edits + task.edits_start,
                   task.edits_count > 0 ? edited : 0, task.edits_count, work.vocabulary};

  Survey all = work.surveys[blockIdx.x * SURVEY_SLICES + (threadIdx.x & (SURVEY_SLICES - 1))];
  all.join<SURVEY_SLICES>();
  float normaliser = all.top + logf(all.sum);
  bool numbers = normaliser - normaliser == 0.f;
  if (numbers && task.top_count > 0)
    report_top(s, work, task, scores, ruler_of(all.top, all.least), normaliser);

  int token = task.target;
  if (task.kind == KIND_DRAW && !numbers) token = NO_TOKEN;
  if (task.kind == KIND_DRAW && numbers) {
    if (task.edits_count == 0 && task.temperature == 0.f) {
      token = all.token;
    } else {
      if (task.edits_count > 0) {
        for (int i = threadIdx.x; i < (work.vocabulary + 31) / 32; i += SAMPLE_THREADS) edited[i] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < task.edits_count; i += SAMPLE_THREADS) {
          int t = scores.edits[i].token;
          atomicOr(&edited[t >> 5], 1u << (t & 31));
        }
        __syncthreads();
      }
      token = draw(s, work, task, scores, all);
    }
  }
  if (threadIdx.x == 0) {
    work.tokens[blockIdx.x] = token;
    work.logprobs[blockIdx.x] =
        numbers && token != NO_TOKEN ? scores.raw(token) - normaliser : __uint_as_float(0x7fc00000u);
  }
}
