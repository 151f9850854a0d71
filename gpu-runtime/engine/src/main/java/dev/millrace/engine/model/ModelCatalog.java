package dev.millrace.engine.model;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.FeedForwardRecord;
import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.WorkspaceManifest;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The models this engine runs. An architecture is a composition of the parts that its layers'
 * records name, so a new one that needs no new part is a new name here.
 */
final class ModelCatalog {
  private static final Set<String> ARCHITECTURES =
      new TreeSet<>(List.of("llama", "qwen2", "qwen2_vl", "qwen3"));

  private ModelCatalog() {}

  /**
   * The sizes of one rank's share of a model.
   *
   * @throws EngineException if the architecture, a kind of layer or the rank count is not known
   */
  static DecoderShape shape(WorkspaceManifest manifest, int ranks) {
    if (!ARCHITECTURES.contains(manifest.architecture())) {
      throw new EngineException(
          "architecture: expected one of %s, found %s (workspace manifest, field architecture); this engine does not run it"
              .formatted(ARCHITECTURES, manifest.architecture()));
    }
    try {
      manifest.requireRanks(ranks);
    } catch (IllegalArgumentException e) {
      throw new EngineException(e.getMessage(), e);
    }
    LayerRecord first = manifest.layers().get(0);
    for (int layer = 0; layer < manifest.layers().size(); layer++) {
      check(layer, manifest.layers().get(layer), first);
    }
    return DecoderShape.of(manifest, ranks);
  }

  private static void check(int layer, LayerRecord record, LayerRecord first) {
    AttentionRecord attention = record.attention();
    FeedForwardRecord feedForward = record.feedForward();
    require(layer, "attention kind", AttentionRecord.Kind.FULL, attention.kind());
    require(layer, "feed-forward kind", FeedForwardRecord.Kind.DENSE, feedForward.kind());
    require(layer, "activation", FeedForwardRecord.Activation.SILU, feedForward.activation());
    require(layer, "heads (as in layer 0)", first.attention().kvGroups(), attention.kvGroups());
    require(
        layer,
        "feed-forward width (as in layer 0)",
        first.feedForward().paddedWidth(),
        feedForward.paddedWidth());
  }

  private static void require(int layer, String what, Object known, Object found) {
    if (!known.equals(found)) {
      throw new EngineException(
          "%s: expected one of [%s], found %s (workspace manifest, layer %d); this engine does not run it"
              .formatted(what, known, found, layer));
    }
  }
}
