package dev.millrace.api.workspace;

import dev.millrace.api.workspace.WorkspaceManifest.QuantizationRecord;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.api.workspace.WorkspaceManifest.SourceRecord;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What a person asks of a workspace first.
 *
 * @param architecture {@code llama}, {@code qwen2} or {@code qwen3}
 * @param shape sizes of the model
 * @param layers decoder layers
 * @param parameters weights of the model, padding left out
 * @param tensors tensors in the workspace
 * @param bytesByStorage bytes of tensors by how they are stored, padding included
 * @param ranks bytes per rank for every rank count that is served
 * @param refusedRanks rank counts that are not, and why
 * @param modelFingerprint names weights, tokenizer and template
 * @param source what it was made of
 * @param quantization how that was quantised; null if it was not
 * @param generation its generation defaults
 * @param textFiles tokenizer, template and configuration
 * @param creator program and version that made it
 */
public record WorkspaceSummary(
    String architecture,
    ModelShape shape,
    int layers,
    long parameters,
    int tensors,
    Map<StorageType, Long> bytesByStorage,
    List<RankBytes> ranks,
    List<RankRefusal> refusedRanks,
    String modelFingerprint,
    SourceRecord source,
    QuantizationRecord quantization,
    GenerationDefaults generation,
    List<TextFile> textFiles,
    String creator) {

  /** Sums up a manifest. */
  public static WorkspaceSummary of(WorkspaceManifest manifest) {
    EnumMap<StorageType, Long> bytes = new EnumMap<>(StorageType.class);
    manifest.tensors().forEach(tensor -> bytes.merge(tensor.storage(), tensor.bytes(), Long::sum));
    return new WorkspaceSummary(
        manifest.architecture(),
        manifest.shape(),
        manifest.layers().size(),
        parameters(manifest),
        manifest.tensors().size(),
        bytes,
        manifest.supportedRanks().stream().map(manifest::rankBytes).toList(),
        manifest.refusedRanks(),
        manifest.modelFingerprint(),
        manifest.source(),
        manifest.quantization(),
        manifest.generation(),
        manifest.textFiles(),
        manifest.creator());
  }

  private static long parameters(WorkspaceManifest manifest) {
    long padding = 0;
    ModelShape shape = manifest.shape();
    long rows = (long) shape.vocabularyPadded() - shape.vocabularySize();
    padding += rows * shape.hiddenSize() * (shape.tiedHead() ? 1 : 2);
    for (LayerRecord layer : manifest.layers()) {
      FeedForwardRecord feedForward = layer.feedForward();
      padding += 3L * (feedForward.paddedWidth() - feedForward.width()) * shape.hiddenSize();
    }
    return manifest.tensors().stream().mapToLong(t -> t.outputs() * t.inputs()).sum() - padding;
  }
}
