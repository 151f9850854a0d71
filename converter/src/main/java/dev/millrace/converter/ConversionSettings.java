package dev.millrace.converter;

import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * How to convert.
 *
 * @param output the workspace to make
 * @param ranksMax largest rank count to serve, 1 to {@value #RANKS_MAX}: widths are padded for it
 * @param threads threads that read, pack and write
 * @param textCheck tries tokenizer and chat template
 * @param progress hears how far it is, a few times a second, from worker threads one at a time
 */
public record ConversionSettings(
    Path output,
    int ranksMax,
    int threads,
    TextCheck textCheck,
    Consumer<ConversionProgress> progress) {

  /** The most ranks a workspace serves. */
  public static final int RANKS_MAX = 8;

  public ConversionSettings {
    Objects.requireNonNull(output, "output");
    Objects.requireNonNull(textCheck, "textCheck");
    Objects.requireNonNull(progress, "progress");
    if (ranksMax < 1 || ranksMax > RANKS_MAX) {
      throw new IllegalArgumentException(
          "ranksMax: expected 1 to " + RANKS_MAX + ", found " + ranksMax);
    }
    if (threads < 1) {
      throw new IllegalArgumentException("threads: expected at least 1, found " + threads);
    }
  }

  /** All ranks, all cores, no check, no progress. */
  public static ConversionSettings to(Path output) {
    return new ConversionSettings(
        output,
        RANKS_MAX,
        Runtime.getRuntime().availableProcessors(),
        TextCheck.NONE,
        progress -> {});
  }

  public ConversionSettings withRanksMax(int value) {
    return new ConversionSettings(output, value, threads, textCheck, progress);
  }

  public ConversionSettings withThreads(int value) {
    return new ConversionSettings(output, ranksMax, value, textCheck, progress);
  }

  public ConversionSettings withTextCheck(TextCheck value) {
    return new ConversionSettings(output, ranksMax, threads, value, progress);
  }

  public ConversionSettings withProgress(Consumer<ConversionProgress> value) {
    return new ConversionSettings(output, ranksMax, threads, textCheck, value);
  }
}
