package dev.millrace.pipeline.group;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.read.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a committed stage holds; {@code stage.json} in its folder.
 *
 * @param fingerprint of the job's description
 * @param files input files in order
 * @param rows rows read
 * @param failures rows that failed while they were staged
 * @param requests distinct requests
 * @param duplicates rows that share another row's request
 * @param promptTokens of the distinct requests
 * @param sharedPrefixTokens of them in whole blocks shared with the request before
 * @param outputTokensMax most tokens that can come out
 * @param longestRequestTokens largest prompt plus one answer
 * @param contextTokensMax what the model takes
 * @param promptLengths of the distinct requests
 * @param columns which output columns the rows need
 * @param sampling settings of rows that do not override them
 * @param chunks in the order of work
 */
public record StageManifest(
    String fingerprint,
    List<StagedFile> files,
    long rows,
    Map<FailureReason, Long> failures,
    long requests,
    long duplicates,
    long promptTokens,
    long sharedPrefixTokens,
    long outputTokensMax,
    int longestRequestTokens,
    int contextTokensMax,
    StagePlan.Distribution promptLengths,
    AnswerShape columns,
    SamplingSettings sampling,
    List<Chunk> chunks) {

  static final String FILE = "stage.json";
  static final String ROW_INDEX = "rows.index";
  static final String FAILURES = "failures.bin";

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

  public StageManifest {
    files = List.copyOf(files);
    failures = java.util.Collections.unmodifiableMap(new TreeMap<>(failures));
    chunks = List.copyOf(chunks);
  }

  /**
   * One input file as staged.
   *
   * @param file the file
   * @param firstRow position of its first row among all rows
   * @param rows its rows
   * @param jsonColumns for JSON lines that are to be written as a table: the schema of its columns
   *     as Arrow JSON, else null
   */
  public record StagedFile(InputFile file, long firstRow, long rows, String jsonColumns) {}

  /**
   * What answers the requests ask for, over all rows; decides the output columns.
   *
   * @param choicesMax largest {@code n}
   * @param logprobs whether any row asks for log-probabilities
   * @param promptLogprobs whether any asks for those of its prompt
   * @param scoring whether any scores a continuation
   */
  public record AnswerShape(
      int choicesMax, boolean logprobs, boolean promptLogprobs, boolean scoring) {
    /** One choice, text alone. */
    static final AnswerShape PLAIN = new AnswerShape(1, false, false, false);

    AnswerShape with(SamplingSettings sampling, boolean isScoring) {
      return new AnswerShape(
          Math.max(choicesMax, sampling.n()),
          logprobs || sampling.logprobs() != null,
          promptLogprobs || sampling.promptLogprobs() != null,
          scoring || isScoring);
    }

    AnswerShape with(AnswerShape other) {
      return new AnswerShape(
          Math.max(choicesMax, other.choicesMax),
          logprobs || other.logprobs,
          promptLogprobs || other.promptLogprobs,
          scoring || other.scoring);
    }
  }

  public String toJson() throws IOException {
    return JSON.writeValueAsString(this) + "\n";
  }

  /** Reads the manifest of a committed stage. */
  public static StageManifest read(Path stage) throws IOException {
    return JSON.readValue(Files.readString(stage.resolve(FILE)), StageManifest.class);
  }

  /** What a person is told of it. */
  public StagePlan plan(boolean resumed) {
    return new StagePlan(
        files.stream()
            .map(
                f ->
                    new StagePlan.InputFile(
                        f.file().name(),
                        f.file().location(),
                        f.file().format().title(),
                        f.file().bytes(),
                        f.rows()))
            .toList(),
        rows,
        failures,
        requests,
        duplicates,
        chunks.size(),
        promptTokens,
        sharedPrefixTokens,
        outputTokensMax,
        longestRequestTokens,
        contextTokensMax,
        promptLengths,
        resumed);
  }
}
