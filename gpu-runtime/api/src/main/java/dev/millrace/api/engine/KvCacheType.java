package dev.millrace.api.engine;

import java.util.Locale;

/** How an engine stores keys and values. */
public enum KvCacheType {
  /** As the backend computes: float32 on the CPU, bf16 on GPUs. */
  AUTO,
  /** Integers of 8 bits, with a scale for each token's key, or value, of a head. */
  INT8,
  /** Floating-point numbers of 8 bits, e4m3, with a scale likewise. */
  FP8;

  /** Name in options and reports. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether a number takes 8 bits. */
  public boolean isEightBit() {
    return this != AUTO;
  }
}
