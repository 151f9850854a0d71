package dev.millrace.api.workspace;

import java.util.EnumMap;
import java.util.Map;

/**
 * Bytes of weights that one rank reads; the same for every rank of a count.
 *
 * @param ranks ranks that share the model
 * @param bytes all weights of one rank
 * @param embeddingBytes its part of the embedding
 * @param headBytes its part of the head; 0 where it is tied
 * @param layerBytes its parts of all layers' tensors
 * @param byStorage the bytes by storage type
 */
public record RankBytes(
    int ranks,
    long bytes,
    long embeddingBytes,
    long headBytes,
    long layerBytes,
    Map<StorageType, Long> byStorage) {
  public RankBytes {
    byStorage = Map.copyOf(byStorage);
  }

  /** Adds up the parts of rank 0. */
  static RankBytes of(WorkspaceManifest manifest, int ranks) {
    long all = 0;
    long embedding = 0;
    long head = 0;
    long layers = 0;
    EnumMap<StorageType, Long> byStorage = new EnumMap<>(StorageType.class);
    for (TensorEntry entry : manifest.tensors()) {
      long strips = entry.part(ranks, 0).stream().mapToLong(r -> r.to() - r.from()).sum();
      long bytes = strips * entry.stripBytes();
      all += bytes;
      byStorage.merge(entry.storage(), bytes, Long::sum);
      if (entry.name().equals(TensorNames.EMBEDDING)) {
        embedding += bytes;
      } else if (entry.name().equals(TensorNames.HEAD)) {
        head += bytes;
      } else if (entry.name().startsWith("layers.")) {
        layers += bytes;
      }
    }
    return new RankBytes(ranks, all, embedding, head, layers, byStorage);
  }
}
