package dev.millrace.engine.model;

import dev.millrace.engine.compute.Weight;

/**
 * One layer of a decoder.
 *
 * @param attentionNorm norm before attention
 * @param attentionJoin how attention's output comes into the residual stream
 * @param feedForwardNorm norm before the feed-forward block
 * @param feedForwardJoin how that block's output does
 */
record DecoderLayer(
    Weight attentionNorm,
    Attention attention,
    BlockJoin attentionJoin,
    Weight feedForwardNorm,
    FeedForward feedForward,
    BlockJoin feedForwardJoin) {}
