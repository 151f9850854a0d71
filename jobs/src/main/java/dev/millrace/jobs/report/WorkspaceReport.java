package dev.millrace.jobs.report;

import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.ModelShape;
import dev.millrace.api.workspace.RankBytes;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.api.workspace.WorkspaceManifest.QuantizationRecord;
import dev.millrace.api.workspace.WorkspaceManifest.RankRefusal;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import dev.millrace.jobs.progress.Amounts;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** What a workspace holds, for people. */
public final class WorkspaceReport {
  private final Path path;
  private final WorkspaceManifest manifest;

  public WorkspaceReport(Path path, WorkspaceManifest manifest) {
    this.path = path;
    this.manifest = manifest;
  }

  /** Several lines, ending in a line break. */
  public String text() {
    Columns columns = new Columns();
    columns.heading("Workspace " + path).gap();
    columns.row("format", manifest.formatVersion() + ", made by " + manifest.creator());
    columns.row(
        "source", manifest.source().kind() + " " + manifest.source().name() + quantization());
    columns.row("fingerprint", manifest.modelFingerprint());
    shape(columns);
    weights(columns);
    columns.row("tp", "ranks  bytes on each rank");
    for (int ranks : manifest.supportedRanks()) {
      columns.more(
          String.format("%5d  %s", ranks, Amounts.bytes(manifest.rankBytes(ranks).bytes())));
    }
    for (RankRefusal refusal : manifest.refusedRanks()) {
      columns.more(String.format("%5d  not served: %s", refusal.ranks(), refusal.reason()));
    }
    String texts =
        manifest.textFiles().stream().map(TextFile::name).collect(Collectors.joining(", "));
    columns.row("text", texts.isEmpty() ? "none: prompts must be token ids" : texts);
    return columns.toString();
  }

  private String quantization() {
    QuantizationRecord record = manifest.quantization();
    return record == null
        ? ""
        : ", "
            + record.method()
            + " "
            + record.variant()
            + ", "
            + record.bits()
            + " bits in groups of "
            + record.groupSize();
  }

  private void shape(Columns columns) {
    ModelShape shape = manifest.shape();
    columns.row(
        "model",
        manifest.architecture()
            + ", "
            + manifest.layers().size()
            + " layers, hidden "
            + Amounts.count(shape.hiddenSize())
            + ", vocabulary "
            + Amounts.count(shape.vocabularySize())
            + (shape.tiedHead() ? " (tied)" : "")
            + ", context "
            + Amounts.count(shape.contextTokensMax()));
    LayerRecord layer = manifest.layers().get(0);
    columns.more(
        "attention: "
            + layer.attention().queryHeads()
            + " query and "
            + layer.attention().kvHeads()
            + " key/value heads of "
            + layer.attention().headSize());
  }

  private void weights(Columns columns) {
    RankBytes bytes = manifest.rankBytes(1);
    String byStorage =
        bytes.byStorage().entrySet().stream()
            .sorted(java.util.Map.Entry.comparingByKey())
            .map(entry -> Amounts.bytes(entry.getValue()) + " " + entry.getKey())
            .collect(Collectors.joining(", "));
    columns.row(
        "weights",
        manifest.tensors().size() + " tensors, " + Amounts.bytes(bytes.bytes()) + ": " + byStorage);
  }
}
