package dev.millrace.pipeline.generate;

import dev.millrace.api.request.Completion;
import java.io.Serializable;
import java.nio.ByteBuffer;

/**
 * Sums over completions.
 *
 * @param requests completions
 * @param failed those without an answer
 * @param promptTokens tokens of prompts
 * @param cachedTokens those served from the prefix cache
 * @param outputTokens tokens generated
 */
public record JournalTotals(
    long requests, long failed, long promptTokens, long cachedTokens, long outputTokens)
    implements Serializable {
  static final int BYTES = 5 * Long.BYTES;
  public static final JournalTotals NONE = new JournalTotals(0, 0, 0, 0, 0);

  JournalTotals plus(Completion completion) {
    return new JournalTotals(
        requests + 1,
        failed + (completion.isFailed() ? 1 : 0),
        promptTokens + completion.usage().promptTokens(),
        cachedTokens + completion.usage().cachedTokens(),
        outputTokens + completion.usage().outputTokens());
  }

  /** Sums of both. */
  public JournalTotals plus(JournalTotals other) {
    return new JournalTotals(
        requests + other.requests,
        failed + other.failed,
        promptTokens + other.promptTokens,
        cachedTokens + other.cachedTokens,
        outputTokens + other.outputTokens);
  }

  void write(ByteBuffer out) {
    out.putLong(requests).putLong(failed).putLong(promptTokens);
    out.putLong(cachedTokens).putLong(outputTokens);
  }

  static JournalTotals read(ByteBuffer in) {
    return new JournalTotals(in.getLong(), in.getLong(), in.getLong(), in.getLong(), in.getLong());
  }
}
