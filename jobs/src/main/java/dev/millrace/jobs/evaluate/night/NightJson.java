package dev.millrace.jobs.evaluate.night;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.evaluate.night.NightEntry.Attempt;
import dev.millrace.jobs.evaluate.night.NightEntry.Notice;
import dev.millrace.jobs.evaluate.night.NightEntry.State;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * {@value #FILE_NAME}: a {@link NightEntry} as JSON. Keys are only ever added; times are UTC, ISO
 * 8601; a score that is not a number is absent.
 *
 * <pre>
 * version      1
 * night        2026-11-25 or 2026-11-25.2
 * spec         name of the evaluation;  fingerprint  SHA-256 of its file
 * state        running | stopped | ended
 * due          when it was to begin; absent for a run by hand
 * attempts     started, ended, outcome of each start
 * verdict      PASS | WARN | FAIL | INCOMPLETE | ERROR, with exit_code and summary; once ended
 * tasks        task, model, metric, score, low, high, rows, verdict
 * notices      to, delivered, tries, error
 * trouble      what went wrong beside the verdict
 * closed       whether report and notices, which follow the verdict, are done
 * </pre>
 */
final class NightJson {
  static final String FILE_NAME = "run.json";

  private static final int VERSION = 1;
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private NightJson() {}

  static String write(NightEntry night) throws JsonProcessingException {
    return MAPPER.writeValueAsString(json(night)) + "\n";
  }

  static ObjectNode json(NightEntry night) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("version", VERSION);
    root.put("night", night.id().toString());
    root.put("spec", night.spec());
    root.put("fingerprint", night.fingerprint());
    root.put("state", night.state().name().toLowerCase(Locale.ROOT));
    night.due().ifPresent(due -> root.put("due", due.toString()));
    ArrayNode attempts = root.putArray("attempts");
    for (Attempt attempt : night.attempts()) {
      ObjectNode node = attempts.addObject().put("started", attempt.started().toString());
      if (attempt.ended() != null) {
        node.put("ended", attempt.ended().toString()).put("outcome", attempt.outcome());
      }
    }
    night.verdict().ifPresent(verdict -> addVerdict(root, verdict));
    ArrayNode notices = root.putArray("notices");
    for (Notice notice : night.notices()) {
      notices
          .addObject()
          .put("to", notice.to())
          .put("delivered", notice.delivered())
          .put("tries", notice.tries())
          .put("error", notice.error());
    }
    ArrayNode trouble = root.putArray("trouble");
    night.trouble().forEach(trouble::add);
    root.put("closed", night.closed());
    return root;
  }

  /** Adds the verdict's keys, the same in {@value #FILE_NAME} and in what a webhook gets. */
  static void addVerdict(ObjectNode root, NightVerdict verdict) {
    root.put("verdict", verdict.verdict());
    root.put("exit_code", verdict.exitCode().number());
    root.put("summary", verdict.summary());
    ArrayNode tasks = root.putArray("tasks");
    for (TaskLine task : verdict.tasks()) {
      ObjectNode node = tasks.addObject().put("task", task.task());
      if (!task.model().isEmpty()) {
        node.put("model", task.model());
      }
      node.put("metric", task.metric());
      putNumber(node, "score", task.score());
      putNumber(node, "low", task.low());
      putNumber(node, "high", task.high());
      node.put("rows", task.rows()).put("verdict", task.verdict());
    }
  }

  private static void putNumber(ObjectNode node, String key, double value) {
    if (Double.isFinite(value)) {
      node.put(key, value);
    }
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @throws IOException if it is anything else
   */
  static NightEntry read(String text) throws IOException {
    JsonNode root = MAPPER.readTree(text);
    try {
      return entry(root);
    } catch (IllegalArgumentException | DateTimeParseException e) {
      throw new IOException("expected a night's record, found " + e.getMessage(), e);
    }
  }

  private static NightEntry entry(JsonNode root) {
    if (root.path("version").asInt() != VERSION) {
      throw new IllegalArgumentException(
          "version " + root.path("version") + " where " + VERSION + " is read");
    }
    String name = root.path("night").asText();
    NightId id =
        NightId.parse(name).orElseThrow(() -> new IllegalArgumentException("night " + name));
    State state = State.valueOf(root.path("state").asText().toUpperCase(Locale.ROOT));
    List<Attempt> attempts = new ArrayList<>();
    for (JsonNode node : root.path("attempts")) {
      attempts.add(
          new Attempt(
              Instant.parse(node.path("started").asText()),
              node.has("ended") ? Instant.parse(node.path("ended").asText()) : null,
              node.path("outcome").asText()));
    }
    List<Notice> notices = new ArrayList<>();
    for (JsonNode node : root.path("notices")) {
      notices.add(
          new Notice(
              node.path("to").asText(),
              node.path("delivered").asBoolean(),
              node.path("tries").asInt(),
              node.path("error").asText()));
    }
    List<String> trouble = new ArrayList<>();
    root.path("trouble").forEach(node -> trouble.add(node.asText()));
    return new NightEntry(
        id,
        root.path("spec").asText(),
        root.path("fingerprint").asText(),
        state,
        root.has("due") ? Optional.of(Instant.parse(root.path("due").asText())) : Optional.empty(),
        attempts,
        state == State.ENDED ? Optional.of(verdict(root)) : Optional.empty(),
        notices,
        trouble,
        state == State.ENDED && root.path("closed").asBoolean());
  }

  private static NightVerdict verdict(JsonNode root) {
    int number = root.path("exit_code").asInt(-1);
    ExitCode code =
        ExitCode.ofNumber(number)
            .orElseThrow(() -> new IllegalArgumentException("exit code " + number));
    List<TaskLine> tasks = new ArrayList<>();
    for (JsonNode node : root.path("tasks")) {
      tasks.add(
          new TaskLine(
              node.path("task").asText(),
              node.path("model").asText(),
              node.path("metric").asText(),
              node.path("score").asDouble(Double.NaN),
              node.path("low").asDouble(Double.NaN),
              node.path("high").asDouble(Double.NaN),
              node.path("rows").asLong(),
              node.path("verdict").asText()));
    }
    return new NightVerdict(
        code, root.path("verdict").asText(), root.path("summary").asText(), tasks);
  }
}
