package dev.millrace.api.workspace;

import java.util.Objects;

/**
 * One decoder layer: norm, attention, residual, norm, feed-forward, residual.
 *
 * @param attention its attention block
 * @param feedForward its feed-forward block
 */
public record LayerRecord(AttentionRecord attention, FeedForwardRecord feedForward) {
  public LayerRecord {
    Objects.requireNonNull(attention, "attention");
    Objects.requireNonNull(feedForward, "feedForward");
  }
}
