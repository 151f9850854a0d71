// Logit tasks: draw the next token or score a given one, from float32 logits. `survey` reads a task's
// logits once, by many blocks; `sample` has a block a task, which for a greedy draw or a score reads no more.
// Where few tokens can be left by the filters, they are collected first, and filters and draw go over those.
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
// Of how many threads' largest scores the last is what candidates are collected from, where it is not top-k
// that tells: of 512 about 700 tokens then, if they lie by chance.
#define CANDIDATE_THREADS 384
// Most tokens of a top-k that is drawn among candidates: of more there would be too many.
#define CANDIDATE_TOP_K 384
// Weights relative to the largest are counted in 2^-40: 2^22 tokens keep their sum below 2^62.
#define MASS_UNIT 1.099511627776e12f
// Temperatures below the largest score from which a weight is less than one of these: ln(2^40) and a little.
#define WEIGHTLESS 28.f
// Stands for a token where none can be drawn.
#define NO_TOKEN -1
#define KIND_DRAW 0
#define KIND_SCORE 1

// 64 bytes
struct LogitTaskRecord {
  int row;          // of the logits
  int kind;         // KIND_DRAW or KIND_SCORE
  int target;       // token to score
  int top_count;    // most likely tokens to report; at most SAMPLE_THREADS
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
    // two lanes that add each other's sum may round differently
    sum = __shfl_sync(FULL_WARP, sum, threadIdx.x & 31 & ~(LANES - 1));
  }
};

struct SampleWork {
  const float* logits;  // (rows, pitch)
  const LogitTaskRecord* tasks;
  const LogitEdit* edits;
  int* tokens;        // (tasks) drawn or scored
  int* told;          // the same and
  float* logprobs;    // (tasks) for the host, in its memory
  int* top_tokens;    // all reported
  float* top_logprobs;
  Survey* surveys;      // (tasks, SURVEY_SLICES)
  u64 pitch;            // a multiple of 4
  int vocabulary;
};

struct Best {
  float value;
  int token;

  DEVICE bool before(const Best& other) const {
    return value > other.value || (value == other.value && token < other.token);
  }
};

DEVICE Best better(Best a, Best b) { return b.before(a) ? b : a; }

struct SampleShared {
  u64 bins[BINS];
  u64 sums[SAMPLE_THREADS / 32];
  Best best[SAMPLE_THREADS / 32];
  float own[SAMPLE_THREADS];  // the largest score that each thread has seen
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

  DEVICE int size() const { return vocabulary; }
  DEVICE float get(int token) const { return edit(token, logits[token]); }

  // Of all tokens, many at a time: they are far away.
  template <class F>
  DEVICE void each(F f) const {
    const int AHEAD = 4, fours = (vocabulary + 3) / 4;
    for (int first = threadIdx.x; first < fours; first += AHEAD * SAMPLE_THREADS) {
      float4 v[AHEAD];
#pragma unroll
      for (int j = 0; j < AHEAD; j++) {
        const int i = min(first + j * SAMPLE_THREADS, fours - 1);
        v[j] = *(const float4*)(logits + 4 * i);
      }
#pragma unroll
      for (int j = 0; j < AHEAD; j++) {
        const int token = 4 * (first + j * SAMPLE_THREADS);
        const float x[4] = {v[j].x, v[j].y, v[j].z, v[j].w};
#pragma unroll
        for (int e = 0; e < 4; e++) {
          if (token + e < vocabulary) f(token + e, edit(token + e, x[e]));
        }
      }
    }
  }

  DEVICE float edit(int token, float x) const {
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

// Largest score (lowest token among equals) of those that come after another one, on every thread; leaves
// each thread's own in s.own.
DEVICE Best block_best(SampleShared& s, const Scores& scores, Best after) {
  Best best = {NEGATIVE_INFINITY, scores.vocabulary};
  scores.each([&](int token, float x) {
    Best b = {x, token};
    if (after.before(b)) best = better(best, b);
  });
  s.own[threadIdx.x] = best.value;
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

// What comes before all scores.
DEVICE Best first_of_all() { return {-NEGATIVE_INFINITY, -1}; }

// Least over all threads, on each.
DEVICE float block_least(SampleShared& s, float low) {
  low = -warp_max(-low);
  if ((threadIdx.x & 31) == 0) s.low[threadIdx.x >> 5] = low;
  __syncthreads();
  for (int i = 0; i < SAMPLE_THREADS / 32; i++) low = fminf(low, s.low[i]);
  __syncthreads();
  return low;
}

// Sum over all threads, on each.
DEVICE u64 block_sum(SampleShared& s, u64 own) {
#pragma unroll
  for (int d = 16; d > 0; d >>= 1) own += __shfl_xor_sync(FULL_WARP, own, d);
  if ((threadIdx.x & 31) == 0) s.sums[threadIdx.x >> 5] = own;
  __syncthreads();
  u64 total = 0;
  for (int i = 0; i < SAMPLE_THREADS / 32; i++) total += s.sums[i];
  __syncthreads();
  return total;
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

template <class S, class W>
DEVICE Threshold block_select(SampleShared& s, const S& scores, Ruler ruler, u64 target, W weight) {
  Threshold t = {{0, 0, 0}};
  u64 before = 0;
  for (int level = 0; level < 3; level++) {
    for (int i = threadIdx.x; i < BINS; i += SAMPLE_THREADS) s.bins[i] = 0;
    __syncthreads();
    scores.each([&](int, float x) {
      u64 w = weight(x);
      if (w == 0) return;
      float distance = ruler.at(x);
      bool in = true;
      for (int k = 0; k < level; k++) in = in && sub_bin(distance, k) == t.bins[k];
      if (in) atomicAdd(&s.bins[sub_bin(distance, level)], w);
    });
    __syncthreads();
    t.bins[level] = block_find_bin(s, target, &before);
  }
  return t;
}

// The token at this share of the running sum of weights, in order of token id.
template <class S, class W>
DEVICE int draw_at_share(SampleShared& s, const S& scores, double share, W weight, int otherwise) {
  const int n = scores.size();
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = SAMPLE_THREADS / 32;
  const int per = ((n + BINS - 1) / BINS + 31) / 32 * 32;  // tokens of a bin
  u64 own = 0;  // of this warp's bins
  const int used = (n + per - 1) / per;
  for (int bin = used + threadIdx.x; bin < BINS; bin += SAMPLE_THREADS) s.bins[bin] = 0;
  const int AHEAD = 4;  // bins at a time: their scores are far away
  for (int first = warp; first < used; first += AHEAD * warps) {
    u64 sum[AHEAD] = {};
    for (int row = lane; row < per; row += 32) {
      float x[AHEAD];
#pragma unroll
      for (int k = 0; k < AHEAD; k++) {
        const int i = (first + k * warps) * per + row;
        x[k] = i < n ? scores.get(i) : NEGATIVE_INFINITY;
      }
#pragma unroll
      for (int k = 0; k < AHEAD; k++) sum[k] += weight(x[k]);
    }
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
#pragma unroll
      for (int d = 16; d > 0; d >>= 1) sum[k] += __shfl_xor_sync(FULL_WARP, sum[k], d);
      const int bin = first + k * warps;
      if (lane == 0 && bin < used) s.bins[bin] = sum[k];
      own += sum[k];
    }
  }
  const u64 total = block_sum(s, lane == 0 ? own : 0);
  if (total == 0) return otherwise;
  u64 target = (u64)((double)total * share) + 1, before = 0;
  int bin = block_find_bin(s, target, &before);
  if (warp == 0) {
    for (int row = 0; row < per; row += 32) {
      int i = bin * per + row + lane;
      u64 run = i < n ? weight(scores.get(i)) : 0;
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

// Weights by which scores are drawn, before filters.
struct Weights {
  float top, inverse;
  DEVICE u64 of(float x) const { return (u64)(__expf((x - top) * inverse) * MASS_UNIT); }
};

// What draw_among returns where it finds no token.
#define NONE_LEFT -1
#define TOO_FEW -2

// The number, among scores, of the one drawn from what temperature and filters leave. total: the weight of
// all scores there are; 0 if these are all, or all that top-k may leave.
template <class S>
DEVICE int draw_among(SampleShared& s, const LogitTaskRecord& task, const S& scores, float top,
                      float least, u64 total) {
  const Weights weights = {top, 1.f / task.temperature};
  const float floor = top + task.min_p_log * task.temperature;  // -infinity: off
  const bool filtered = task.top_k > 0 || task.top_p < 1.f;
  Threshold by_count = {{BINS, 0, 0}}, by_mass = by_count;
  // what has no weight must not stretch the ruler: a bias may be as low as anybody likes
  const Ruler ruler = ruler_of(top, fmaxf(least, top - WEIGHTLESS * task.temperature));
  if (task.top_k > 0) {
    by_count = block_select(s, scores, ruler, (u64)task.top_k,
                            [](float x) { return (u64)(x != NEGATIVE_INFINITY); });
  }
  if (task.top_p < 1.f) {
    auto mass = [&](float x) { return kept(by_count, ruler.at(x)) ? weights.of(x) : (u64)0; };
    u64 own = 0;
    scores.each([&](int, float x) { own += mass(x); });
    const u64 here = block_sum(s, own);
    const u64 target = (u64)((double)(total > 0 ? total : here) * (double)task.top_p);
    if (here < target) return TOO_FEW;
    by_mass = block_select(s, scores, ruler, target < 1 ? 1 : target, mass);
  }
  auto weight = [&](float x) {
    if (x < floor || x == NEGATIVE_INFINITY) return (u64)0;
    if (filtered) {
      float distance = ruler.at(x);
      if (!kept(by_count, distance) || !kept(by_mass, distance)) return (u64)0;
    }
    return weights.of(x);
  };
  return draw_at_share(s, scores, task.share, weight, NONE_LEFT);
}

// Scores that were collected, by their place among those.
struct Collected {
  const SampleShared& s;
  int count;

  DEVICE int size() const { return count; }
  DEVICE float get(int i) const { return s.values[i]; }
  template <class F>
  DEVICE void each(F f) const {
    for (int i = threadIdx.x; i < count; i += SAMPLE_THREADS) f(i, s.values[i]);
  }
};

// Collects the scores that are no less than that of the thread whose own is the r-th largest of all
// threads': r of them at least, in order of token id. Returns how many, or 0 if there is no room for them; and
// the least of them, and, if asked for, the weight of all.
DEVICE int block_collect(SampleShared& s, const Scores& scores, int r, const Weights& weights,
                         bool weighed, float* least, u64* total) {
  const float mine = s.own[threadIdx.x];
  int before = 0;
  for (int i = 0; i < SAMPLE_THREADS; i++) {
    before += s.own[i] > mine || (s.own[i] == mine && i < threadIdx.x);
  }
  if (before == r - 1) s.low[0] = mine;
  if (threadIdx.x == 0) s.count = 0;
  __syncthreads();
  const float from = s.low[0];
  u64 weight = 0;
  scores.each([&](int token, float x) {
    if (x == NEGATIVE_INFINITY) return;
    if (weighed) weight += weights.of(x);
    if (x < from) return;
    const int at = atomicAdd(&s.count, 1);
    if (at < CANDIDATES) {
      s.values[at] = x;
      s.tokens[at] = token;
    }
  });
  *total = block_sum(s, weight);
  const int count = s.count;
  if (count > CANDIDATES) return 0;
  const int EACH = CANDIDATES / SAMPLE_THREADS;
  float values[EACH], low = -NEGATIVE_INFINITY;
  int tokens[EACH], places[EACH];
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    const int i = threadIdx.x + k * SAMPLE_THREADS;
    if (i < count) {
      values[k] = s.values[i];
      tokens[k] = s.tokens[i];
      low = fminf(low, values[k]);
      places[k] = 0;
      for (int j = 0; j < count; j++) places[k] += s.tokens[j] < tokens[k];
    }
  }
  *least = block_least(s, low);
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    if (threadIdx.x + k * SAMPLE_THREADS < count) {
      s.values[places[k]] = values[k];
      s.tokens[places[k]] = tokens[k];
    }
  }
  __syncthreads();
  return count;
}

// The most likely tokens, best first and the lowest first among equals, and their log-probabilities.
DEVICE void report_top(SampleShared& s, const SampleWork& work, const LogitTaskRecord& task,
                       const Scores& raw, float normaliser) {
  int* tokens = work.top_tokens + task.top_start;
  float* logprobs = work.top_logprobs + task.top_start;
  Best best = block_best(s, raw, first_of_all());
  float least;
  u64 total;
  const int count = block_collect(s, raw, task.top_count, Weights{}, false, &least, &total);
  if (count >= task.top_count) {
    for (int i = threadIdx.x; i < count; i += SAMPLE_THREADS) {
      const Best mine = {s.values[i], s.tokens[i]};
      int rank = 0;
      for (int k = 0; k < count; k++) rank += Best{s.values[k], s.tokens[k]}.before(mine);
      if (rank < task.top_count) {
        tokens[rank] = mine.token;
        logprobs[rank] = mine.value - normaliser;
      }
    }
    __syncthreads();
    return;
  }
  // so many are equal, or so few are numbers: one after the other
  for (int rank = 0; rank < task.top_count; rank++) {
    if (threadIdx.x == 0) {
      tokens[rank] = best.token;
      logprobs[rank] = best.value - normaliser;
    }
    best = block_best(s, raw, best);
  }
}

// A token among what temperature and filters leave. all: of the raw logits.
DEVICE int draw(SampleShared& s, const LogitTaskRecord& task, const Scores& scores,
                const Survey& all) {
  const bool filtered = task.top_k > 0 || task.top_p < 1.f;
  Best top = {all.top, all.token};
  if (task.edits_count > 0 || filtered) top = block_best(s, scores, first_of_all());
  if (top.value == NEGATIVE_INFINITY) return NO_TOKEN;
  if (task.temperature == 0.f) return top.token;

  if (filtered && task.top_k <= CANDIDATE_TOP_K) {
    const bool counted = task.top_k > 0;
    float least;
    u64 total;
    const int count = block_collect(s, scores, counted ? task.top_k : CANDIDATE_THREADS,
                                    {top.value, 1.f / task.temperature}, !counted, &least, &total);
    if (count > 0) {
      const int at = draw_among(s, task, Collected{s, count}, top.value, least, total);
      if (at != TOO_FEW) return at == NONE_LEFT ? top.token : s.tokens[at];
    }
  }
  float least = all.least;
  if (filtered && task.edits_count > 0) {
    least = top.value;
    scores.each([&](int, float x) {
      if (x != NEGATIVE_INFINITY) least = fminf(least, x);
    });
    least = block_least(s, least);
  }
  const int token = draw_among(s, task, scores, top.value, least, 0);
  return token == NONE_LEFT ? top.token : token;
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
KERNEL void __launch_bounds__(SAMPLE_THREADS, 1) sample(SampleWork work) {
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
  if (numbers && task.top_count > 0) {
    Scores raw = scores;
    raw.edited = 0;
    report_top(s, work, task, raw, normaliser);
  }

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
      token = draw(s, task, scores, all);
    }
  }
  if (threadIdx.x == 0) {
    work.tokens[blockIdx.x] = work.told[blockIdx.x] = token;
    work.logprobs[blockIdx.x] =
        numbers && token != NO_TOKEN ? scores.raw(token) - normaliser : __uint_as_float(0x7fc00000u);
  }
}
