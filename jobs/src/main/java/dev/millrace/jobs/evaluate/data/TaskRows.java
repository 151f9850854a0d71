package dev.millrace.jobs.evaluate.data;

import dev.millrace.jobs.evaluate.spec.DataSpec;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.template.BoundedPattern;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/**
 * The rows of one data source, held in memory for as long as its task is built or scored.
 *
 * @param rows in the order of the data
 * @param fingerprint SHA-256 over ids and values, lower-case hexadecimal
 */
public record TaskRows(List<DataRow> rows, String fingerprint) {
  public TaskRows {
    rows = List.copyOf(rows);
  }

  /**
   * Reads, completes and chooses rows.
   *
   * @param seed of the choice, where the spec asks for a sample
   * @throws dev.millrace.jobs.outcome.CommandException if the data cannot be read or does not fit
   *     the spec
   */
  public static TaskRows read(DataSpec spec, long seed) {
    Pattern split = spec.split() == null ? null : BoundedPattern.compile(spec.split()).pattern();
    List<DataFiles.RawRow> raw = chosen(new DataFiles(spec, split).read(), spec, seed);
    List<Columns> columns = spec.columns().stream().map(Columns::of).toList();
    List<DataRow> rows = new ArrayList<>(raw.size());
    Set<String> ids = new LinkedHashSet<>();
    for (DataFiles.RawRow each : raw) {
      Map<String, Object> values = new LinkedHashMap<>(each.values());
      columns.forEach(column -> column.addTo(values));
      String id = id(spec, each, values);
      if (!ids.add(id)) {
        throw spec.place()
            .error(
                "Expected an id of its own for each row, found '" + id + "' twice",
                "Name another id column, or none.");
      }
      rows.add(new DataRow(id, values));
    }
    if (rows.isEmpty()) {
      throw spec.place().error("Expected rows, found none", "Check the data.");
    }
    return new TaskRows(rows, fingerprint(rows));
  }

  private static List<DataFiles.RawRow> chosen(
      List<DataFiles.RawRow> rows, DataSpec spec, long seed) {
    if (spec.sample() == 0 || spec.sample() >= rows.size()) {
      return rows;
    }
    SplittableRandom random = new SplittableRandom(seed);
    List<DataFiles.RawRow> chosen = new ArrayList<>(spec.sample());
    int wanted = spec.sample();
    for (int i = 0; i < rows.size() && wanted > 0; i++) {
      if (random.nextInt(rows.size() - i) < wanted) {
        chosen.add(rows.get(i));
        wanted--;
      }
    }
    return chosen;
  }

  private static String id(DataSpec spec, DataFiles.RawRow raw, Map<String, Object> values) {
    if (spec.id() == null) {
      return raw.file() + "#" + raw.index();
    }
    Object id = values.get(spec.id());
    if (id instanceof String || id instanceof Long) {
      return id.toString();
    }
    throw spec.place()
        .error(
            "Expected an id (text or whole number) in column '"
                + spec.id()
                + "' of row "
                + raw.file()
                + "#"
                + raw.index()
                + ", found "
                + (id == null ? "none" : id.getClass().getSimpleName()),
            "Name another id column, or none.");
  }

  private static String fingerprint(List<DataRow> rows) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (DataRow row : rows) {
        digest.update(row.id().getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
        digest.update(String.valueOf(row.values()).getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 1);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** A computed column. */
  private record Columns(DataSpec.Column spec, BoundedPattern pattern, RowTemplate template) {

    static Columns of(DataSpec.Column spec) {
      return spec.template() == null
          ? new Columns(spec, BoundedPattern.compile(spec.pattern()), null)
          : new Columns(spec, null, RowTemplate.compile(spec.template()));
    }

    void addTo(Map<String, Object> values) {
      if (template != null) {
        values.put(spec.name(), template.render(values));
        return;
      }
      PlacedText from = spec.pattern();
      if (!(values.get(spec.from()) instanceof String text)) {
        throw from.place()
            .error(
                from.key() + ": expected text in column '" + spec.from() + "', found none",
                "Name a column that holds text.");
      }
      List<String> found = pattern.all(text, -1);
      values.put(spec.name(), spec.all() ? found : found.isEmpty() ? null : found.get(0));
    }
  }
}
