package dev.millrace.converter;

import dev.millrace.api.workspace.WorkspaceManifest;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * What a conversion made.
 *
 * @param workspace the folder
 * @param manifest its manifest
 * @param alreadyThere whether an identical workspace was found and nothing was done
 * @param bytesWritten bytes of weights written
 * @param elapsedNanos time it took
 * @param remarks of the text check, and on what the checkpoint lacks
 */
public record ConversionResult(
    Path workspace,
    WorkspaceManifest manifest,
    boolean alreadyThere,
    long bytesWritten,
    long elapsedNanos,
    List<String> remarks) {
  public ConversionResult {
    Objects.requireNonNull(workspace, "workspace");
    Objects.requireNonNull(manifest, "manifest");
    remarks = List.copyOf(remarks);
  }
}
