package dev.millrace.jobs.bench;

import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.api.workspace.WorkspaceSummary;
import java.util.Map;

/** The name of a model by its shape, for example {@code qwen2.5-7b} or {@code llama-11.5m}. */
final class ModelName {
  private static final Map<String, String> KNOWN =
      Map.ofEntries(
          Map.entry("qwen2 24x896", "qwen2.5-0.5b"),
          Map.entry("qwen2 28x1536", "qwen2.5-1.5b"),
          Map.entry("qwen2_vl 28x1536", "qwen2-vl-2b"),
          Map.entry("qwen2 36x2048", "qwen2.5-3b"),
          Map.entry("qwen2 28x3584", "qwen2.5-7b"),
          Map.entry("qwen2 48x5120", "qwen2.5-14b"),
          Map.entry("qwen2 64x5120", "qwen2.5-32b"),
          Map.entry("qwen2 80x8192", "qwen2.5-72b"),
          Map.entry("qwen3 28x1024", "qwen3-0.6b"),
          Map.entry("qwen3 28x2048", "qwen3-1.7b"),
          Map.entry("qwen3 36x2560", "qwen3-4b"),
          Map.entry("qwen3 36x4096", "qwen3-8b"),
          Map.entry("qwen3 40x5120", "qwen3-14b"),
          Map.entry("qwen3 64x5120", "qwen3-32b"),
          Map.entry("llama 30x576", "smollm2-135m"),
          Map.entry("llama 16x2048", "llama-3.2-1b"),
          Map.entry("llama 28x3072", "llama-3.2-3b"),
          Map.entry("llama 32x4096", "llama-3.1-8b"),
          Map.entry("llama 80x8192", "llama-3.1-70b"));

  private ModelName() {}

  static String of(WorkspaceManifest manifest) {
    String shape =
        "%s %dx%d"
            .formatted(
                manifest.architecture(), manifest.layers().size(), manifest.shape().hiddenSize());
    String name = KNOWN.get(shape);
    if (name == null) {
      name = manifest.architecture() + "-" + size(WorkspaceSummary.of(manifest).parameters());
    }
    return manifest.quantization() == null ? name : name + "-" + manifest.quantization().method();
  }

  private static String size(long parameters) {
    return parameters >= 1_000_000_000
        ? StepSummary.rounded(parameters / 1e9, 10) + "b"
        : StepSummary.rounded(parameters / 1e6, 10) + "m";
  }
}
