// How keys and values lie in the cache.
//
// A page holds HEAD_TOKENS tokens of one sequence for all layers and heads of the rank:
//   page, layer, kv head, {keys, values}, token, head element: bf16
// A head is HEAD_PITCH elements wide: HEAD_SIZE rounded up to 64 or 128, the rest zeros. The 16-byte
// chunks of a token's row are stored at chunk ^ (token & 7), so that a page copied to shared memory
// as it lies can be read by ldmatrix without bank conflicts.
#pragma once

#ifndef HEAD_SIZE
#error "HEAD_SIZE: elements of a head"
#endif

#define PAGE_TOKENS 64
#define HEAD_PITCH (HEAD_SIZE <= 64 ? 64 : 128)
#define HEAD_CHUNKS (HEAD_PITCH / 8)
// Bytes of one head's keys (or values) of a page.
#define PAGE_BYTES (PAGE_TOKENS * HEAD_PITCH * 2)

// Byte offset of a 16-byte chunk of a token's row.
DEVICE u32 page_chunk(u32 token, u32 chunk) {
  return token * (HEAD_PITCH * 2) + ((chunk ^ (token & 7)) << 4);
}

// Zeros the values of tokens from `from` on in a page in shared memory. What lies there was never
// written for this sequence: it may be anything, and 0 * NaN is NaN. Called by the whole block,
// which synchronises after.
DEVICE void clear_values(u8* values, u32 from) {
  for (u32 at = from * HEAD_PITCH * 2 + threadIdx.x * 16; at < PAGE_BYTES; at += blockDim.x * 16)
    *(uint4*)(values + at) = make_uint4(0, 0, 0, 0);
}
