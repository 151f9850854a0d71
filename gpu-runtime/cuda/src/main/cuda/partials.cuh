// Partial results of attention: of a unit, which is at most 8 query heads of one kv head, over a part
// of a sequence's tokens.
//   (slots, kv_heads * head_tiles, TILE_HEADS, PARTIAL_FLOATS) float32
#pragma once

#define TILE_HEADS 8
// HEAD_PITCH means (of prefix attention: sums), the score that weights are powers of two above, the
// sum of weights. Then counters, zero between launches: in the first head of a sequence's first chunk
// how many of its chunks have ended, in the very first how many tiles of prefix attention are taken.
#define PARTIAL_FLOATS (HEAD_PITCH + 4)
#define PARTIAL_TOP HEAD_PITCH
#define PARTIAL_SUM (HEAD_PITCH + 1)
#define PARTIAL_ENDED (HEAD_PITCH + 2)
#define PARTIAL_TAKEN (HEAD_PITCH + 3)
