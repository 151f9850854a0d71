package dev.millrace.api.workspace;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.millrace.api.workspace.WorkspaceManifest.TextFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The manifest as JSON, strictly: an unknown, missing or doubled field is an error. */
final class ManifestJson {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  private ManifestJson() {}

  static byte[] toBytes(WorkspaceManifest manifest) throws JsonProcessingException {
    return MAPPER.writer().with(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(manifest);
  }

  static JsonNode toTree(byte[] json) throws IOException {
    return MAPPER.readTree(json);
  }

  static WorkspaceManifest toManifest(JsonNode tree) throws JsonProcessingException {
    return MAPPER.treeToValue(tree, WorkspaceManifest.class);
  }

  static String modelFingerprint(WorkspaceManifest manifest) {
    Map<String, Object> identity = new LinkedHashMap<>();
    identity.put("architecture", manifest.architecture());
    identity.put("shape", manifest.shape());
    identity.put("layers", manifest.layers());
    identity.put("generation", manifest.generation());
    identity.put("tensors", manifest.tensors().stream().map(ManifestJson::identity).toList());
    identity.put("text", manifest.textFiles().stream().map(TextFile::name).sorted().toList());
    identity.put(
        "textSha256", manifest.textFiles().stream().map(TextFile::sha256).sorted().toList());
    try {
      return sha256(MAPPER.writeValueAsBytes(identity));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a manifest cannot be written as JSON", e);
    }
  }

  private static List<Object> identity(TensorEntry tensor) {
    List<Object> identity = new ArrayList<>();
    identity.add(tensor.withSegments(List.of()));
    tensor.segments().forEach(segment -> identity.add(segment.crc32c()));
    return identity;
  }

  static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Content of {@code manifest.sha256}, in the form that {@code sha256sum --check} reads. */
  static byte[] checksumFile(byte[] manifest) {
    return (sha256(manifest) + "  " + Workspace.MANIFEST_FILE + "\n")
        .getBytes(StandardCharsets.US_ASCII);
  }
}
