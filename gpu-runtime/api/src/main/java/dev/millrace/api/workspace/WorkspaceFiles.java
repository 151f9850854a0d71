package dev.millrace.api.workspace;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.workspace.WorkspaceManifest.DataFile;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads and checks the small files of a workspace, and that the large ones are in place. */
final class WorkspaceFiles {
  private static final long MANIFEST_BYTES_MAX = 256L << 20;
  private static final String CONVERT_AGAIN = "convert the model again";

  private final Path folder;

  WorkspaceFiles(Path folder) {
    this.folder = folder;
  }

  WorkspaceManifest readManifest() throws IOException {
    if (!Files.isDirectory(folder)) {
      throw malformed(
          folder.toString(),
          "a workspace folder",
          Files.exists(folder) ? "a file" : "nothing",
          "make one with 'millrace convert'");
    }
    Path file = folder.resolve(Workspace.MANIFEST_FILE);
    if (!Files.isRegularFile(file)) {
      throw malformed(
          Workspace.MANIFEST_FILE,
          "a manifest",
          "nothing",
          "this folder is not a workspace; make one with 'millrace convert'");
    }
    if (Files.size(file) > MANIFEST_BYTES_MAX) {
      throw malformed(
          Workspace.MANIFEST_FILE,
          "at most " + MANIFEST_BYTES_MAX + " bytes",
          Files.size(file) + " bytes",
          CONVERT_AGAIN);
    }
    WorkspaceManifest manifest = parse(Files.readAllBytes(file));
    for (DataFile data : manifest.dataFiles()) {
      requireFile(folder.resolve(data.name()), data.name(), data.bytes());
    }
    for (TextFile text : manifest.textFiles()) {
      Path path = folder.resolve(Workspace.TEXT_FOLDER).resolve(text.name());
      requireFile(path, Workspace.TEXT_FOLDER + "/" + text.name(), text.bytes());
    }
    return manifest;
  }

  byte[] readText(TextFile file) throws IOException {
    String where = Workspace.TEXT_FOLDER + "/" + file.name();
    Path path = folder.resolve(Workspace.TEXT_FOLDER).resolve(file.name());
    requireFile(path, where, file.bytes());
    byte[] content = Files.readAllBytes(path);
    String found = ManifestJson.sha256(content);
    if (!found.equals(file.sha256())) {
      throw malformed(where, "SHA-256 " + file.sha256(), found, CONVERT_AGAIN);
    }
    return content;
  }

  private WorkspaceManifest parse(byte[] json) throws IOException {
    JsonNode tree = null;
    JsonProcessingException broken = null;
    try {
      tree = ManifestJson.toTree(json);
    } catch (JsonProcessingException e) {
      broken = e;
    }
    // the version first: of another version, nothing else here need hold
    if (tree != null) {
      requireVersion(tree.path("formatVersion"));
    }
    requireChecksum(json);
    if (broken != null) {
      throw malformed(Workspace.MANIFEST_FILE, "JSON", broken.getOriginalMessage(), broken);
    }
    try {
      return ManifestJson.toManifest(tree);
    } catch (JsonProcessingException e) {
      Throwable cause = e.getCause() instanceof IllegalArgumentException ? e.getCause() : e;
      // Jackson ends some messages with advice to programmers
      String message = cause == e ? e.getOriginalMessage() : cause.getMessage();
      String found = message.replaceFirst(" \\(set DeserializationConfig.*", "");
      throw malformed(where(e), "a consistent manifest", found, e);
    }
  }

  private static String where(JsonProcessingException e) {
    if (!(e instanceof JsonMappingException mapping) || mapping.getPath().isEmpty()) {
      return Workspace.MANIFEST_FILE;
    }
    StringBuilder field = new StringBuilder(Workspace.MANIFEST_FILE).append(' ');
    for (JsonMappingException.Reference step : mapping.getPath()) {
      if (step.getFieldName() == null) {
        field.append('[').append(step.getIndex()).append(']');
      } else {
        field.append(field.toString().endsWith(" ") ? "" : ".").append(step.getFieldName());
      }
    }
    return field.toString();
  }

  private void requireVersion(JsonNode version) throws MalformedWorkspaceException {
    if (!version.isInt()) {
      throw malformed(
          Workspace.MANIFEST_FILE + " formatVersion",
          "" + WorkspaceManifest.FORMAT_VERSION,
          version.isMissingNode() ? "nothing" : version.toString(),
          CONVERT_AGAIN);
    }
    if (version.intValue() > WorkspaceManifest.FORMAT_VERSION) {
      throw malformed(
          Workspace.MANIFEST_FILE + " formatVersion",
          "" + WorkspaceManifest.FORMAT_VERSION,
          version.intValue() + ", which a newer Millrace made",
          "update Millrace, or convert the model again with this one");
    }
    if (version.intValue() < WorkspaceManifest.FORMAT_VERSION) {
      throw malformed(
          Workspace.MANIFEST_FILE + " formatVersion",
          "" + WorkspaceManifest.FORMAT_VERSION,
          version.toString(),
          CONVERT_AGAIN);
    }
  }

  private void requireChecksum(byte[] json) throws IOException {
    Path file = folder.resolve(Workspace.CHECKSUM_FILE);
    if (!Files.isRegularFile(file) || Files.size(file) > 4096) {
      throw malformed(
          Workspace.CHECKSUM_FILE, "the manifest's SHA-256", "no such file", CONVERT_AGAIN);
    }
    String expected =
        new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)
            .strip()
            .split("\\s+", 2)[0];
    String found = ManifestJson.sha256(json);
    if (!found.equals(expected)) {
      throw malformed(
          Workspace.MANIFEST_FILE,
          "SHA-256 " + expected,
          found,
          "the manifest was damaged or edited; " + CONVERT_AGAIN);
    }
  }

  private void requireFile(Path path, String where, long bytes) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw malformed(where, bytes + " bytes", "no such file", CONVERT_AGAIN);
    }
    Path real = path.toRealPath();
    if (!real.startsWith(folder.toRealPath())) {
      throw malformed(where, "a file inside the workspace", "a link to " + real, CONVERT_AGAIN);
    }
    if (Files.size(path) != bytes) {
      throw malformed(where, bytes + " bytes", Files.size(path) + " bytes", CONVERT_AGAIN);
    }
  }

  private MalformedWorkspaceException malformed(
      String where, String expected, String found, String advice) {
    return new MalformedWorkspaceException(folder, where, expected, found, advice);
  }

  private MalformedWorkspaceException malformed(
      String where, String expected, String found, Throwable cause) {
    return new MalformedWorkspaceException(folder, where, expected, found, CONVERT_AGAIN, cause);
  }
}
