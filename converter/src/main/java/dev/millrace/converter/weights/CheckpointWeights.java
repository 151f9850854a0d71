package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.WorkspaceManifest.QuantizationRecord;
import dev.millrace.converter.read.Checkpoint;
import dev.millrace.converter.read.CheckpointException;
import dev.millrace.converter.read.ElementType;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.read.QuantizationConfig;
import dev.millrace.converter.read.StoredTensor;
import dev.millrace.converter.read.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The weights of a checkpoint: each layer as its tensors say, dense or packed. */
public final class CheckpointWeights implements Weights {
  private static final String CHECK = "check that config.json and the weights belong together";

  private final Checkpoint checkpoint;
  private final QuantizationConfig quantization;
  private final ModelConfig config;
  private final String language; // what names of the language model begin with
  private final Set<String> unused;

  /**
   * Wraps a checkpoint.
   *
   * @param quantization null if it is not quantised
   * @param config which parts of it may be left aside: a stored head that is tied, a vision tower
   */
  public CheckpointWeights(
      Checkpoint checkpoint, QuantizationConfig quantization, ModelConfig config) {
    this.checkpoint = checkpoint;
    this.quantization = quantization;
    this.config = config;
    // published checkpoints say model.layers; those saved otherwise may have the names that
    // transformers gives them in memory
    boolean inMemory = checkpoint.tensors().containsKey("model.language_model.embed_tokens.weight");
    this.language = inMemory ? "model.language_model." : "model.";
    this.unused = new TreeSet<>(checkpoint.tensors().keySet());
  }

  @Override
  public Matrix matrix(String module, long outputs, long inputs) throws IOException {
    String stored = stored(module);
    if (checkpoint.tensors().containsKey(stored + ".qweight")) {
      return packed(stored, outputs, inputs);
    }
    StoredTensor tensor = take(stored + ".weight");
    return dense(tensor, List.of(outputs, inputs));
  }

  @Override
  public DenseMatrix vector(String name, long size) throws IOException {
    return dense(take(stored(name)), List.of(size));
  }

  @Override
  public void requireAllUsed() throws IOException {
    for (String name : unused) {
      if (!mayBeLeftOut(checkpoint.tensors().get(name))) {
        throw new CheckpointException(
            checkpoint.tensors().get(name).where(),
            "only tensors of the model that config.json describes",
            "this one too",
            "the model has a part that cannot be converted, or " + CHECK);
      }
    }
  }

  @Override
  public QuantizationRecord quantization() {
    return quantization == null
        ? null
        : new QuantizationRecord(
            quantization.methodName(),
            quantization.variant(),
            4,
            quantization.groupSize(),
            quantization.symmetric());
  }

  @Override
  public long bytes() {
    return checkpoint.bytes();
  }

  private String stored(String name) {
    return name.startsWith("model.") ? language + name.substring("model.".length()) : name;
  }

  /**
   * Frequencies that follow from the configuration, a copy of a tied head, the zero biases that
   * GPTQ writes for layers without bias, and a vision tower.
   */
  private boolean mayBeLeftOut(StoredTensor tensor) throws IOException {
    String name = tensor.name();
    boolean head = config.tiedHead() && name.startsWith("lm_head.");
    boolean vision =
        config.architecture().equals(ModelConfig.QWEN2_VL)
            && (name.startsWith("visual.") || name.startsWith("model.visual."));
    return head
        || vision
        || name.endsWith(".rotary_emb.inv_freq")
        || (quantization != null && name.endsWith(".bias") && isZero(tensor));
  }

  private boolean isZero(StoredTensor tensor) throws IOException {
    TensorData data = checkpoint.data(tensor);
    for (long row = 0; row < data.rows(); row++) {
      ByteBuffer window = data.window(row);
      for (int i = 0; i < data.rowBytes(); i++) {
        // the sign of a zero is in the last byte of an element
        int mask = (i + 1) % tensor.type().bytes() == 0 ? 0x7f : 0xff;
        if ((window.get(data.offset(row) + i) & mask) != 0) {
          return false;
        }
      }
    }
    return true;
  }

  private StoredTensor take(String name) throws CheckpointException {
    StoredTensor tensor = checkpoint.tensors().get(name);
    if (tensor == null) {
      throw new CheckpointException(
          checkpoint.folder().toString(), "a tensor " + name, "none", CHECK);
    }
    unused.remove(name);
    return tensor;
  }

  private DenseMatrix dense(StoredTensor tensor, List<Long> shape) throws IOException {
    StorageType type = storageType(tensor);
    tensor.require(tensor.type(), shape);
    return new StoredMatrix(checkpoint.data(tensor), type);
  }

  private static StorageType storageType(StoredTensor tensor) throws CheckpointException {
    return switch (tensor.type()) {
      case F32 -> StorageType.F32;
      case F16 -> StorageType.F16;
      case BF16 -> StorageType.BF16;
      default ->
          throw new CheckpointException(
              tensor.where(),
              "F32, F16 or BF16",
              tensor.type().name(),
              "convert the checkpoint to one of these types first");
    };
  }

  private Matrix packed(String module, long outputs, long inputs) throws IOException {
    StoredTensor qweight = take(module + ".qweight");
    if (quantization == null || quantization.excludes(module)) {
      throw new CheckpointException(
          qweight.where(),
          "dense weights, as the quantization settings say",
          "packed ones",
          "correct quantization_config, or download the checkpoint again");
    }
    long group = quantization.groupSize() == -1 ? inputs : quantization.groupSize();
    requirePackable(qweight, outputs, inputs);
    long groups = (inputs + group - 1) / group;
    StoredTensor scales = take(module + ".scales");
    StoredTensor qzeros = take(module + ".qzeros");
    StorageType scaleType = storageType(scales);
    if (scaleType == StorageType.F32) {
      throw new CheckpointException(
          scales.where(),
          "F16 or BF16: an int4 tile holds 16-bit scales",
          "F32",
          "save the checkpoint with 16-bit scales first");
    }
    scales.require(scales.type(), List.of(groups, outputs));
    qzeros.require(ElementType.I32, List.of(groups, outputs / 8));
    PackedTensors tensors =
        new PackedTensors(
            checkpoint.data(qweight),
            checkpoint.data(qzeros),
            checkpoint.data(scales),
            scaleType,
            outputs,
            inputs,
            group);
    if (quantization.method() == QuantizationConfig.Method.AWQ) {
      qweight.require(ElementType.I32, List.of(inputs, outputs / 8));
      return new AwqMatrix(tensors);
    }
    qweight.require(ElementType.I32, List.of(inputs / 8, outputs));
    requireOrdered(module, inputs, group);
    return new GptqMatrix(tensors, quantization.variant().equals("gptq") ? 1 : 0);
  }

  private static void requirePackable(StoredTensor qweight, long outputs, long inputs)
      throws CheckpointException {
    if (outputs % 8 != 0 || inputs % 8 != 0) {
      throw new CheckpointException(
          qweight.where(),
          "outputs and inputs in multiples of 8, as eight numbers share a word",
          outputs + " outputs, " + inputs + " inputs",
          "take an unquantised checkpoint of this model");
    }
  }

  /** With activation order, inputs of one group are scattered and a tile cannot hold them. */
  private void requireOrdered(String module, long inputs, long group) throws IOException {
    String name = module + ".g_idx";
    if (!checkpoint.tensors().containsKey(name)) {
      return;
    }
    StoredTensor tensor = take(name);
    tensor.require(ElementType.I32, List.of(inputs));
    TensorData data = checkpoint.data(tensor);
    for (long input = 0; input < inputs; input++) {
      int found = data.window(input).getInt(data.offset(input));
      if (found != input / group) {
        throw new CheckpointException(
            tensor.where(),
            "input " + input + " in group " + input / group + " (desc_act false)",
            "group "
                + found
                + ": the inputs are in activation order (desc_act true), which a tile"
                + " of 128 neighbouring inputs cannot hold",
            "take a checkpoint that was quantised with desc_act false");
      }
    }
  }
}
