package dev.millrace.pipeline.group;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.prompt.RequestBuilder;
import dev.millrace.pipeline.prompt.RowRequest;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.JsonType;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.store.JobDescription;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Renders and tokenises rows of one file: to staged records or failures. Thread-safe. */
final class RowEncoder {
  private final InputFile file;
  private final RequestBuilder builder;
  private final PromptEncoder encoder;
  private final SamplingSettings jobSampling;
  private final byte[] jobSamplingJson;
  private final boolean hasOwnIds;
  private final boolean inferTypes;
  private final Set<String> reserved;

  /**
   * @param hasOwnIds whether a column names the rows
   * @param inferTypes whether JSON rows are to be written as a table
   * @param reserved output column names that no JSON row may use as a key
   */
  RowEncoder(
      InputFile file,
      RequestBuilder builder,
      PromptEncoder encoder,
      SamplingSettings jobSampling,
      boolean hasOwnIds,
      boolean inferTypes,
      Set<String> reserved) {
    this.file = file;
    this.builder = builder;
    this.encoder = encoder;
    this.jobSampling = jobSampling;
    this.jobSamplingJson = SamplingJson.write(jobSampling).getBytes(StandardCharsets.UTF_8);
    this.hasOwnIds = hasOwnIds;
    this.inferTypes = inferTypes;
    this.reserved = reserved;
  }

  /**
   * What became of a portion of rows.
   *
   * @param results one a row, in order
   * @param shape what their answers will hold
   * @param type what their JSON objects have in common, where asked
   */
  record Portion(List<Result> results, StageManifest.AnswerShape shape, JsonType type) {}

  /**
   * What became of a row: a record or a failure.
   *
   * @param record the request, or null
   * @param id its id, where a column names the rows
   * @param failure why there is none, or null
   */
  record Result(StagedRecord record, String id, RequestFailure failure) {}

  /**
   * Encodes a portion.
   *
   * @param firstRow index of its first row in the file
   * @param firstPosition position of its first row among all rows
   */
  Portion encode(List<Row> rows, long firstRow, long firstPosition) {
    List<Result> results = new ArrayList<>(rows.size());
    StageManifest.AnswerShape shape = StageManifest.AnswerShape.PLAIN;
    JsonType type = JsonType.nothing();
    MessageDigest digest = JobDescription.sha256();
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      type = type.join(inspect(row, firstRow + i));
      try {
        RowRequest request = request(row, firstRow + i);
        shape = shape.with(request.sampling(), request.continuation() != null);
        results.add(new Result(record(request, firstPosition + i, digest), ownId(request), null));
      } catch (RequestException e) {
        results.add(new Result(null, null, e.failure()));
      }
    }
    return new Portion(results, shape, type);
  }

  private String ownId(RowRequest request) {
    return hasOwnIds ? request.id() : null;
  }

  private RowRequest request(Row row, long index) throws RequestException {
    return builder.build(row, file.name() + "#" + index);
  }

  /** Checks the keys of a JSON row, and infers its type where the output needs it. */
  private JsonType inspect(Row row, long index) {
    if (!(row instanceof JsonRow json)) {
      return JsonType.nothing();
    }
    try {
      for (String name : reserved) {
        if (json.object().containsKey(name)) {
          throw nameTaken(name, file, ", object " + (index + 1));
        }
      }
      return inferTypes ? JsonType.of(json.object()) : JsonType.nothing();
    } catch (Row.InvalidRowException e) {
      return JsonType.nothing(); // building the request reports it
    }
  }

  static InvalidInputException nameTaken(String name, InputFile file, String where) {
    return new InvalidInputException(
        "expected no input column named as an output column, found "
            + name
            + " (file="
            + file.location()
            + where
            + "); give the output column another name");
  }

  private StagedRecord record(RowRequest request, long position, MessageDigest digest)
      throws RequestException {
    int[] tokens = tokens(request);
    SamplingSettings sampling = sampling(request, tokens.length);
    String json = sampling.equals(jobSampling) ? null : SamplingJson.write(sampling);
    ByteBuffer tokenBytes = ByteBuffer.allocate(tokens.length * Integer.BYTES);
    tokenBytes.asIntBuffer().put(tokens);
    digest.update(tokenBytes);
    digest.update((byte) 1);
    digest.update(json == null ? jobSamplingJson : json.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 2);
    if (request.continuation() != null) {
      digest.update(request.continuation().getBytes(StandardCharsets.UTF_8));
    }
    boolean scoring = request.continuation() != null;
    if (!scoring && !sampling.isDeterministic()) {
      digest.update((byte) 3);
      digest.update(request.id().getBytes(StandardCharsets.UTF_8));
    }
    return StagedRecord.of(
        tokens,
        digest.digest(),
        position,
        scoring ? 0 : sampling.maxTokens(),
        sampling.n(),
        request.id(),
        json,
        request.continuation());
  }

  private int[] tokens(RowRequest request) throws RequestException {
    int[] tokens;
    try {
      tokens = encoder.encode(request.prompt());
    } catch (RuntimeException e) {
      // one row that the encoder chokes on must not end a job of a million
      throw new RequestException(
          FailureReason.PROMPT_INVALID, "the prompt cannot be rendered or tokenised: " + e);
    }
    if (tokens.length == 0) {
      throw new RequestException(
          FailureReason.PROMPT_EMPTY, "expected a prompt of at least one token, found none");
    }
    if (tokens.length >= encoder.contextTokensMax()) {
      throw new RequestException(
          FailureReason.PROMPT_TOO_LONG,
          "expected a prompt of fewer than "
              + encoder.contextTokensMax()
              + " tokens (the context, with room for an answer), found "
              + tokens.length
              + "; shorten it");
    }
    return tokens;
  }

  /** The row's settings, with {@code max_tokens} cut to the room that the prompt leaves. */
  private SamplingSettings sampling(RowRequest request, int promptTokens) throws RequestException {
    SamplingSettings sampling = request.sampling();
    int room = encoder.contextTokensMax() - promptTokens;
    if (request.continuation() != null || sampling.maxTokens() <= room) {
      return sampling;
    }
    if (sampling.minTokens() > room) {
      throw new RequestException(
          FailureReason.PROMPT_TOO_LONG,
          "expected room for min_tokens of "
              + sampling.minTokens()
              + ", found room for "
              + room
              + " after a prompt of "
              + promptTokens
              + " tokens in a context of "
              + encoder.contextTokensMax()
              + "; shorten the prompt or lower min_tokens");
    }
    return sampling.toBuilder().maxTokens(room).build();
  }
}
