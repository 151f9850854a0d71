package dev.millrace.api.workspace;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Everything about a workspace but its weights; {@code manifest.json}.
 *
 * @param formatVersion version of the format, {@value #FORMAT_VERSION}
 * @param creator program and version that made it
 * @param architecture {@code llama}, {@code qwen2} or {@code qwen3}
 * @param shape sizes of the model as a whole
 * @param layers one record per decoder layer, in order
 * @param supportedRanks rank counts the workspace serves, ascending, 1 among them
 * @param refusedRanks rank counts up to the largest asked for that it does not serve, and why
 * @param source what it was made of
 * @param quantization how the checkpoint was quantised; null if it was not
 * @param generation what the checkpoint says of generation
 * @param textFiles tokenizer, chat template and configuration, copied into {@code text/}
 * @param dataFiles files of weights
 * @param tensors every tensor, in file order
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record WorkspaceManifest(
    int formatVersion,
    String creator,
    String architecture,
    ModelShape shape,
    List<LayerRecord> layers,
    List<Integer> supportedRanks,
    List<RankRefusal> refusedRanks,
    SourceRecord source,
    QuantizationRecord quantization,
    GenerationDefaults generation,
    List<TextFile> textFiles,
    List<DataFile> dataFiles,
    List<TensorEntry> tensors) {

  /** The version of the format that this code reads and writes. */
  public static final int FORMAT_VERSION = 1;

  /**
   * A rank count that is not served.
   *
   * @param ranks the count
   * @param reason why, for a person
   */
  public record RankRefusal(int ranks, String reason) {
    public RankRefusal {
      Objects.requireNonNull(reason, "reason");
    }
  }

  /**
   * What a workspace was made of.
   *
   * @param kind {@code safetensors} or {@code random}
   * @param name of the checkpoint's folder, or the seed
   * @param fingerprint SHA-256 that names the checkpoint, 64 hexadecimal digits; see the converter
   * @param weightBytes bytes of its weights
   */
  public record SourceRecord(String kind, String name, String fingerprint, long weightBytes) {
    public SourceRecord {
      Objects.requireNonNull(kind, "kind");
      Objects.requireNonNull(name, "name");
      requireSha256(fingerprint, "source fingerprint");
    }
  }

  /**
   * How a checkpoint was quantised.
   *
   * @param method {@code awq} or {@code gptq}
   * @param variant {@code gemm} for AWQ; {@code gptq} or {@code gptq_v2} for GPTQ
   * @param bits bits per weight
   * @param groupSize inputs that share a scale; -1 for all
   * @param symmetric whether all zeros are the middle
   */
  public record QuantizationRecord(
      String method, String variant, int bits, int groupSize, boolean symmetric) {
    public QuantizationRecord {
      Objects.requireNonNull(method, "method");
      Objects.requireNonNull(variant, "variant");
    }
  }

  /**
   * A file in {@code text/}.
   *
   * @param name plain file name
   * @param bytes its size
   * @param sha256 of its content, 64 hexadecimal digits
   */
  public record TextFile(String name, long bytes, String sha256) {
    public TextFile {
      requireFileName(name);
      requireSha256(sha256, name);
    }
  }

  /**
   * A file of weights.
   *
   * @param name plain file name
   * @param bytes its size
   */
  public record DataFile(String name, long bytes) {
    public DataFile {
      requireFileName(name);
      if (bytes < 1 || bytes > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            name + ": expected 1 to 2147483647 bytes in a data file, found " + bytes);
      }
    }
  }

  public WorkspaceManifest {
    Objects.requireNonNull(creator, "creator");
    Objects.requireNonNull(architecture, "architecture");
    Objects.requireNonNull(shape, "shape");
    Objects.requireNonNull(source, "source");
    Objects.requireNonNull(generation, "generation");
    layers = List.copyOf(layers);
    supportedRanks = List.copyOf(supportedRanks);
    refusedRanks = List.copyOf(refusedRanks);
    textFiles = List.copyOf(textFiles);
    dataFiles = List.copyOf(dataFiles);
    tensors = List.copyOf(tensors);
    if (formatVersion != FORMAT_VERSION) {
      throw new IllegalArgumentException(
          "formatVersion: expected " + FORMAT_VERSION + ", found " + formatVersion);
    }
    ManifestCheck.check(shape, layers, supportedRanks, dataFiles, tensors);
  }

  /**
   * A tensor by name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public TensorEntry tensor(String name) {
    return findTensor(name)
        .orElseThrow(() -> new IllegalArgumentException("no tensor is called " + name));
  }

  /** A tensor by name, if there is one. */
  public Optional<TensorEntry> findTensor(String name) {
    return tensors.stream().filter(tensor -> tensor.name().equals(name)).findFirst();
  }

  /**
   * Refuses a rank count that the workspace does not serve.
   *
   * @throws IllegalArgumentException with the counts it serves, and why this one is not among them
   */
  public void requireRanks(int ranks) {
    if (supportedRanks.contains(ranks)) {
      return;
    }
    String reason =
        refusedRanks.stream()
            .filter(refusal -> refusal.ranks() == ranks)
            .map(refusal -> " (" + refusal.reason() + ")")
            .findFirst()
            .orElse("");
    throw new IllegalArgumentException(
        "ranks: expected one of "
            + supportedRanks
            + " for this workspace, found "
            + ranks
            + reason
            + "; choose one of those");
  }

  /** Bytes of weights that one of {@code ranks} ranks reads. */
  public RankBytes rankBytes(int ranks) {
    requireRanks(ranks);
    return RankBytes.of(this, ranks);
  }

  /**
   * Names weights, tokenizer and template: equal fingerprints, equal model. SHA-256 over shape,
   * layers, generation defaults, every tensor's form and checksums, and every text file's SHA-256.
   */
  public String modelFingerprint() {
    return ManifestJson.modelFingerprint(this);
  }

  /** Whether the checkpoint was quantised. */
  @JsonIgnore
  public boolean isQuantized() {
    return quantization != null;
  }

  static void requireFileName(String name) {
    Objects.requireNonNull(name, "name");
    if (!name.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")) {
      throw new IllegalArgumentException(
          "file name: expected letters, digits, '.', '_' and '-', found '" + name + "'");
    }
  }

  private static void requireSha256(String digest, String of) {
    if (digest == null || !digest.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "SHA-256 of " + of + ": expected 64 hexadecimal digits, found " + digest);
    }
  }
}
