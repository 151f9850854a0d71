package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaDevice;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The kernel files of {@code src/main/cuda} and their entry points. */
public enum KernelFile {
  EMBED("embed", false, List.of("embed_f32", "embed_bf16")),
  NORM(
      "norm",
      false,
      List.of(
          "rms_norm_f32",
          "rms_norm_bf16",
          "add_rms_norm_f32",
          "add_rms_norm_bf16",
          "add_rms_norm_sums",
          "add_f32",
          "add_bf16",
          "add_bias_bf16")),
  ACTIVATION("activation", false, List.of("gated_activation", "gated_activation_sums")),
  GATHER("gather", false, List.of("gather_rows")),
  FETCH("fetch", false, List.of("fetch")),
  CONVERT(
      "convert",
      false,
      List.of(
          "f32_to_bf16",
          "f16_to_bf16",
          "bf16_to_bf16",
          "f32_to_f32",
          "f16_to_f32",
          "bf16_to_f32",
          "int4_to_bf16")),
  W4(
      "w4",
      false,
      List.of(
          "w4_8",
          "w4_16",
          "w4_32",
          "w4_gate_8",
          "w4_gate_16",
          "w4_gate_32",
          "w4_mma_8",
          "w4_mma_16",
          "w4_mma_32",
          "w4_mma_64",
          "w4_sum",
          "w4_join")),
  W4_WIDE("w4_wide", false, List.of("w4_wide_64", "w4_wide_96", "w4_wide_128")),
  SAMPLE("sample", false, List.of("survey", "sample")),
  ALL_REDUCE(
      "all_reduce",
      false,
      List.of(
          "all_reduce_bf16",
          "all_gather",
          "bring_ordered",
          "all_reduce_ordered",
          "all_gather_ordered")),
  HEADS("heads", true, List.of("heads_any", "heads_vector", "heads_sums")),
  DECODE_ATTENTION("decode_attention", true, List.of("decode_attention")),
  PREFILL_ATTENTION("prefill_attention", true, List.of("prefill_attention", "prefix_attention")),
  APPEND8("append8", true, List.of("append_int8", "append_fp8")),
  DECODE_ATTENTION8(
      "decode_attention8", true, List.of("decode_attention_int8", "decode_attention_fp8")),
  PREFILL_ATTENTION8(
      "prefill_attention8",
      true,
      List.of(
          "prefill_attention_int8",
          "prefill_attention_fp8",
          "prefix_attention_int8",
          "prefix_attention_fp8"));

  private static final Set<KernelFile> EIGHT_BITS =
      Collections.unmodifiableSet(EnumSet.of(APPEND8, DECODE_ATTENTION8, PREFILL_ATTENTION8));

  private final String stem;
  private final boolean byHeadSize;

  @SuppressWarnings("ImmutableEnumChecker") // List.of
  private final List<String> entries;

  KernelFile(String stem, boolean byHeadSize, List<String> entries) {
    this.stem = stem;
    this.byHeadSize = byHeadSize;
    this.entries = entries;
  }

  /** What a cache in 8 bits needs beside {@link #always}. */
  public static Set<KernelFile> eightBits() {
    return EIGHT_BITS;
  }

  /** What every backend needs on a device. */
  public static Set<KernelFile> always(CudaDevice device) {
    EnumSet<KernelFile> files = EnumSet.complementOf(EnumSet.copyOf(EIGHT_BITS));
    files.removeIf(file -> !file.isFor(device));
    return files;
  }

  /** Whether it has kernels for a device; {@link #W4_WIDE} is wgmma alone. */
  public boolean isFor(CudaDevice device) {
    return this != W4_WIDE || device.capability() == 90;
  }

  public String fileName() {
    return stem + ".cu";
  }

  /** Whether it is compiled anew for every size of heads. */
  public boolean isByHeadSize() {
    return byHeadSize;
  }

  /**
   * Entry points. {@code heads_vector} and {@code heads_sums} exist for heads of 64 and 128 alone,
   * {@code add_rms_norm_sums}, {@code w4_8} to {@code w4_32} and those of {@link #W4_WIDE} for
   * compute capability 9.0 alone.
   */
  public List<String> entries() {
    return entries;
  }
}
