package dev.millrace.pipeline.store;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.ResumeRefusedException;
import dev.millrace.pipeline.job.ResumeRefusedException.Difference;
import dev.millrace.pipeline.read.InputFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Everything that decides what a job's output is, as names and values: model, settings, input
 * files. Two runs with equal descriptions produce equal output, so one may continue the other.
 */
public record JobDescription(Map<String, String> entries) {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Most of a value that a refusal shows. */
  private static final int SHOWN_CHARS = 120;

  /** Of these, so many before what differs: enough to tell what it belongs to. */
  private static final int SAME_CHARS = 40;

  public JobDescription {
    entries = java.util.Collections.unmodifiableMap(new TreeMap<>(entries));
  }

  /** Describes a job. */
  public static JobDescription of(JobSettings settings, List<InputFile> files, String model) {
    Map<String, String> entries = new TreeMap<>();
    entries.put("model", model);
    put(entries, "system_prompt", settings.systemPrompt());
    put(entries, "raw_prompt", settings.rawPrompt());
    put(entries, "limit", settings.limit() == 0 ? null : settings.limit());
    put(entries, "chunk_rows", settings.chunkRows());
    put(entries, "output.format", settings.output().format());
    put(entries, "output.column", settings.output().column());
    put(entries, "output.token_ids", settings.output().tokenIds());
    columns(entries, settings.columns());
    JsonNode sampling = JSON.valueToTree(settings.sampling());
    sampling
        .fields()
        .forEachRemaining(f -> put(entries, "sampling." + snake(f.getKey()), text(f.getValue())));
    for (int i = 0; i < files.size(); i++) {
      InputFile file = files.get(i);
      entries.put(
          "input " + file.name(),
          "file " + (i + 1) + ", " + file.bytes() + " bytes, time " + file.modifiedMillis());
    }
    return new JobDescription(entries);
  }

  private static String text(JsonNode value) {
    return value.isValueNode() ? value.asText() : value.toString();
  }

  private static void columns(Map<String, String> entries, ColumnSettings columns) {
    put(entries, "columns.prompt", columns.prompt());
    put(entries, "columns.messages", columns.messages());
    put(entries, "columns.token_ids", columns.tokenIds());
    put(entries, "columns.id", columns.id());
    put(entries, "columns.continuation", columns.continuation());
    put(entries, "columns.settings", columns.settings());
    columns.overrides().forEach((name, column) -> put(entries, "columns.override " + name, column));
  }

  private static void put(Map<String, String> entries, String name, Object value) {
    if (value != null) {
      entries.put(name, value.toString());
    }
  }

  private static String snake(String name) {
    return name.replaceAll("([A-Z])", "_$1").toLowerCase(java.util.Locale.ROOT);
  }

  /** SHA-256 of all entries, lower-case hexadecimal. */
  public String fingerprint() {
    MessageDigest digest = sha256();
    entries.forEach(
        (name, value) -> {
          digest.update(name.getBytes(StandardCharsets.UTF_8));
          digest.update((byte) 0);
          digest.update(value.getBytes(StandardCharsets.UTF_8));
          digest.update((byte) 0);
        });
    return HexFormat.of().formatHex(digest.digest());
  }

  /** A new SHA-256. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** What differs, by name. */
  public List<Difference> differences(JobDescription now) {
    TreeSet<String> names = new TreeSet<>(entries.keySet());
    names.addAll(now.entries.keySet());
    List<Difference> differences = new ArrayList<>();
    for (String name : names) {
      String before = entries.get(name);
      String after = now.entries.get(name);
      if (!Objects.equals(before, after)) {
        differences.add(new Difference(name, before, after));
      }
    }
    return differences;
  }

  /**
   * Returns if work of this description may be continued by a job of another.
   *
   * @throws ResumeRefusedException naming each difference
   */
  public void checkSame(JobDescription now, Path where) {
    List<Difference> differences = differences(now);
    if (differences.isEmpty()) {
      return;
    }
    StringBuilder message = new StringBuilder("the output folder holds another job's work:");
    for (Difference difference : differences) {
      int from = from(difference);
      message
          .append("\n  ")
          .append(difference.name())
          .append(": ")
          .append(shown(difference.before(), from))
          .append(" there, ")
          .append(shown(difference.now(), from))
          .append(" now");
    }
    message
        .append("\n(folder=")
        .append(where)
        .append("); undo the change, choose another output folder, or turn resume off to discard");
    throw new ResumeRefusedException(message.toString(), differences);
  }

  /** Where to show two values from: their beginnings, unless these would be all that is seen. */
  private static int from(Difference difference) {
    String before = Objects.requireNonNullElse(difference.before(), "");
    String now = Objects.requireNonNullElse(difference.now(), "");
    if (Math.max(before.length(), now.length()) <= SHOWN_CHARS) {
      return 0;
    }
    int same = 0;
    while (same < Math.min(before.length(), now.length())
        && before.charAt(same) == now.charAt(same)) {
      same++;
    }
    return Math.max(0, same - SAME_CHARS);
  }

  private static String shown(String value, int from) {
    if (value == null) {
      return "none";
    }
    int to = Math.min(value.length(), from + SHOWN_CHARS);
    return (from > 0 ? "..." : "") + value.substring(from, to) + (to < value.length() ? "..." : "");
  }

  public String toJson() throws IOException {
    return JSON.writeValueAsString(entries) + "\n";
  }

  public static JobDescription read(Path path) throws IOException {
    return new JobDescription(
        JSON.readValue(Files.readString(path), new TypeReference<TreeMap<String, String>>() {}));
  }
}
