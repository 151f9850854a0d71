package dev.millrace.jobs.evaluate.request;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.request.Prompt;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The requests of one model and night, as input of batch jobs:
 *
 * <pre>
 * requests/generate/{chat,text,tokens}.jsonl   one request a line, {@code id} is its key
 * requests/score/{chat,text}.jsonl             the same with a continuation
 * requests/counts.json                         written last
 * </pre>
 *
 * They are two jobs because a job scores all of its rows or none. A night that is taken up again
 * finds the files as they were, so that its jobs resume.
 */
public final class RequestFiles {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String COUNTS_FILE = "counts.json";

  private final Path folder;

  public RequestFiles(Path folder) {
    this.folder = folder;
  }

  /** The two jobs. */
  public enum Job {
    GENERATE("generate"),
    SCORE("score");

    private final String folder;

    Job(String folder) {
      this.folder = folder;
    }
  }

  /**
   * How many requests there are.
   *
   * @param all with all repeats and duplicates
   * @param reused answered by an earlier night
   * @param duplicates equal to another one of this night
   * @param generate to compute by generating
   * @param score to compute by scoring a continuation
   */
  public record Counts(long all, long reused, long duplicates, long generate, long score) {
    public long computed() {
      return generate + score;
    }
  }

  /** Whether an earlier start of this night wrote them. */
  public boolean isWritten() {
    return Files.isRegularFile(folder.resolve(COUNTS_FILE));
  }

  /** The counts that were written. */
  public Counts counts() throws IOException {
    return JSON.readValue(folder.resolve(COUNTS_FILE).toFile(), Counts.class);
  }

  /** Input files of a job that has any requests. */
  public List<String> inputs(Job job) throws IOException {
    Path files = folder.resolve(job.folder);
    if (!Files.isDirectory(files)) {
      return List.of();
    }
    try (Stream<Path> found = Files.list(files)) {
      return found.map(Path::toString).sorted().toList();
    }
  }

  /**
   * Writes requests.
   *
   * @param source hands each request with its key to the consumer
   * @param isAnswered whether a key needs no computing
   */
  public Counts write(Consumer<RequestSink> source, java.util.function.Predicate<String> isAnswered)
      throws IOException {
    deleteFiles();
    Counts counts;
    try (Sink sink = new Sink(isAnswered)) {
      source.accept(sink);
      counts = sink.counts();
    } catch (java.io.UncheckedIOException e) {
      throw e.getCause();
    }
    Path temporary = folder.resolve("." + COUNTS_FILE + ".tmp");
    Files.createDirectories(folder);
    Files.write(temporary, JSON.writeValueAsBytes(counts));
    Files.move(
        temporary,
        folder.resolve(COUNTS_FILE),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
    return counts;
  }

  private void deleteFiles() throws IOException {
    for (Job job : Job.values()) {
      for (String file : inputs(job)) {
        Files.delete(Path.of(file));
      }
    }
  }

  /** Takes requests. */
  public interface RequestSink {
    /** One request; equal ones are computed once. */
    void accept(String key, ModelRequest request);
  }

  private final class Sink implements RequestSink, AutoCloseable {
    private final java.util.function.Predicate<String> isAnswered;
    private final Map<Job, Map<String, Writer>> writers = new EnumMap<>(Job.class);
    private final Set<String> written = new HashSet<>();
    private final Map<Job, Long> counts = new EnumMap<>(Job.class);
    private long all;
    private long reused;

    Sink(java.util.function.Predicate<String> isAnswered) {
      this.isAnswered = isAnswered;
      for (Job job : Job.values()) {
        writers.put(job, new java.util.TreeMap<>());
        counts.put(job, 0L);
      }
    }

    @Override
    public void accept(String key, ModelRequest request) {
      all++;
      if (isAnswered.test(key)) {
        reused++;
        return;
      }
      if (!written.add(key)) {
        return;
      }
      Job job = request.isScoring() ? Job.SCORE : Job.GENERATE;
      counts.merge(job, 1L, Long::sum);
      ObjectNode row = JSON.createObjectNode().put("id", key);
      row.setAll(request.json());
      try {
        Writer writer = writer(job, kind(request.prompt()));
        writer.write(row.toString());
        writer.write('\n');
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }

    private static String kind(Prompt prompt) {
      return prompt instanceof Prompt.Chat
          ? "chat"
          : prompt instanceof Prompt.Text ? "text" : "tokens";
    }

    private Writer writer(Job job, String kind) throws IOException {
      Writer writer = writers.get(job).get(kind);
      if (writer == null) {
        Path file = folder.resolve(job.folder).resolve(kind + ".jsonl");
        Files.createDirectories(file.getParent());
        writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8);
        writers.get(job).put(kind, writer);
      }
      return writer;
    }

    Counts counts() {
      long computed = counts.get(Job.GENERATE) + counts.get(Job.SCORE);
      return new Counts(
          all, reused, all - reused - computed, counts.get(Job.GENERATE), counts.get(Job.SCORE));
    }

    @Override
    public void close() throws IOException {
      for (Map<String, Writer> each : writers.values()) {
        for (Writer writer : each.values()) {
          writer.close();
        }
      }
    }
  }

  /** Reads the answers out of the output of a job. */
  public static void readAnswers(Path output, Consumer<Answer> consumer) throws IOException {
    List<Path> files = new ArrayList<>();
    if (Files.isDirectory(output)) {
      try (Stream<Path> found = Files.list(output)) {
        found
            .filter(f -> f.getFileName().toString().endsWith(".jsonl"))
            .sorted()
            .forEach(files::add);
      }
    }
    for (Path file : files) {
      try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
        String line;
        while ((line = in.readLine()) != null) {
          consumer.accept(answer(JSON.readTree(line)));
        }
      }
    }
  }

  private static Answer answer(JsonNode row) {
    JsonNode meta = row.path("output_meta");
    String key = row.path("id").asText();
    int promptTokens = meta.path("prompt_tokens").asInt();
    if (row.hasNonNull("output_error")) {
      return new Answer(
          key,
          List.of(),
          List.of(),
          null,
          0,
          null,
          promptTokens,
          0,
          row.get("output_error").asText());
    }
    int outputTokens = meta.path("output_tokens").asInt();
    JsonNode score = row.path("output_score");
    if (score.isObject()) {
      Boolean greedy = score.hasNonNull("is_greedy") ? score.get("is_greedy").asBoolean() : null;
      return new Answer(
          key,
          List.of(),
          List.of(),
          score.get("logprob").asDouble(),
          score.get("tokens").asInt(),
          greedy,
          promptTokens,
          outputTokens,
          null);
    }
    int scored = row.path("scored_tokens").asInt();
    if (scored > 0) {
      return new Answer(
          key,
          List.of(),
          List.of(),
          sumOfLast(row.path("output_prompt_logprobs"), scored),
          scored,
          null,
          promptTokens,
          0,
          null);
    }
    return new Answer(
        key,
        texts(row.path("output")),
        texts(meta.path("finish_reason")),
        null,
        0,
        null,
        promptTokens,
        outputTokens,
        null);
  }

  private static double sumOfLast(JsonNode logprobs, int count) {
    if (logprobs.size() < count) {
      throw new IllegalStateException(
          "expected at least " + count + " log-probabilities, found " + logprobs.size());
    }
    double sum = 0;
    for (int i = logprobs.size() - count; i < logprobs.size(); i++) {
      sum += logprobs.get(i).get("logprob").asDouble();
    }
    return sum;
  }

  /** One text, or a list of them where a job has rows of several answers. */
  private static List<String> texts(JsonNode value) {
    List<String> texts = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(each -> texts.add(each.asText()));
    } else if (!value.isNull() && !value.isMissingNode()) {
      texts.add(value.asText());
    }
    return texts;
  }
}
