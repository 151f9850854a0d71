package dev.millrace.engine.model;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.WeightPart;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/**
 * Loads one rank's parts of a workspace's tensors: the one place that knows which rank it is. The
 * embedding is looked up on every rank, so each has all of it; the head is shared by rows.
 */
final class RankWeights {
  private final Workspace workspace;
  private final int ranks;
  private final int rank;
  private final Backend backend;
  private final List<Allocation> taken;

  /**
   * @param taken takes everything uploaded, as it is uploaded
   */
  RankWeights(Workspace workspace, int ranks, int rank, Backend backend, List<Allocation> taken) {
    this.workspace = workspace;
    this.ranks = ranks;
    this.rank = rank;
    this.backend = backend;
    this.taken = taken;
  }

  /** The whole embedding. */
  Weight embedding() {
    return upload(TensorNames.EMBEDDING, 1, 0);
  }

  /** This rank's rows of the embedding, where it is also the head. */
  Weight embeddingPart() {
    return upload(TensorNames.EMBEDDING, ranks, rank);
  }

  /** This rank's part of a tensor. */
  Weight part(String tensor) {
    return upload(tensor, ranks, rank);
  }

  /** This rank's part of a layer's tensor. */
  Weight layerPart(int layer, String tensor) {
    return part(TensorNames.layer(layer, tensor));
  }

  private Weight upload(String tensor, int ofRanks, int ofRank) {
    try {
      WeightPart part = workspace.part(tensor, ofRanks, ofRank);
      WeightShape shape = shape(part.entry(), part.outputs(), part.inputs(), part.slabs());
      Weight weight = backend.upload(new WeightData(tensor, shape, part.ranges(), part.files()));
      taken.add(weight);
      return weight;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read tensor " + tensor + " of " + workspace.path(), e);
    }
  }

  /** Bytes that the weights of one rank take, counted from the manifest alone. */
  static long bytes(WorkspaceManifest manifest, DecoderShape shape, BackendFactory backends) {
    long bytes = 0;
    for (TensorEntry entry : manifest.tensors()) {
      if (entry.name().equals(TensorNames.EMBEDDING)) {
        bytes += backends.weightBytes(partShape(entry, 1));
        if (shape.tiedHead() && !shape.sharesHead()) {
          bytes += backends.weightBytes(partShape(entry, shape.ranks()));
        }
      } else {
        bytes += backends.weightBytes(partShape(entry, shape.ranks()));
      }
    }
    return bytes;
  }

  private static WeightShape partShape(TensorEntry entry, int ranks) {
    int slabs = entry.slabs() > 1 ? entry.slabs() / ranks : 1;
    return shape(entry, entry.partOutputs(ranks), entry.partInputs(ranks), slabs);
  }

  /** A backend's view of a tensor; a workspace's vector of outputs is a backend's row. */
  private static WeightShape shape(TensorEntry entry, long outputs, long inputs, int slabs) {
    if (entry.storage() == StorageType.INT4) {
      return new WeightShape(
          type(entry.scaleType()), WeightLayout.INT4_TILES, outputs, inputs, slabs);
    }
    DType type = type(entry.storage());
    if (entry.inputs() == 1) {
      return WeightShape.vector(type, outputs);
    }
    return entry.layout() == TensorEntry.Layout.OUTPUT_MAJOR
        ? WeightShape.outputMajor(type, outputs, inputs)
        : WeightShape.inputMajor(type, outputs, inputs);
  }

  private static DType type(StorageType storage) {
    return switch (storage) {
      case F32 -> DType.F32;
      case F16 -> DType.F16;
      case BF16 -> DType.BF16;
      case INT4 ->
          throw new IllegalArgumentException("int4 is a layout of tiles, not a type of numbers");
    };
  }
}
