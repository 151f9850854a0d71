package dev.millrace.jobs.evaluate.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.spec.DataSpec;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFiles;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.read.RowCursor;
import dev.millrace.pipeline.read.RowCursors;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Raw rows of files: Parquet, Arrow and JSON lines through the pipeline's own readers; in addition
 * what evaluation sets often come as: a JSON array of objects, CSV with a header, and plain text,
 * which is one row with a column {@code text}, or several if it is split. Every row also has {@code
 * _file} (its file's name without the extension) and {@code _index} (from 0).
 */
final class DataFiles {
  static final String FILE_COLUMN = "_file";
  static final String INDEX_COLUMN = "_index";
  static final String TEXT_COLUMN = "text";

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.USE_LONG_FOR_INTS);

  private final DataSpec spec;
  private final Pattern split;
  private final List<RawRow> rows = new ArrayList<>();

  DataFiles(DataSpec spec, Pattern split) {
    this.spec = spec;
    this.split = split;
  }

  /** A row before ids and computed columns. */
  record RawRow(String file, long index, Map<String, Object> values) {}

  /** All rows, in the order of inputs, files and rows; stops early once there are enough. */
  List<RawRow> read() {
    try {
      for (String input : spec.inputs()) {
        for (Path file : ownFormats(input)) {
          readOwn(file);
        }
      }
      List<String> others = spec.inputs().stream().filter(i -> kind(i).isEmpty()).toList();
      if (!others.isEmpty()) {
        for (InputFile file : InputFiles.find(others, Path.of("/nonexistent-output"))) {
          readPipeline(file);
        }
      }
      return rows;
    } catch (IOException e) {
      throw spec.place().error("Cannot read data: " + e.getMessage(), "Check the file.", e);
    } catch (UncheckedIOException e) {
      throw spec.place().error("Cannot read data: " + e.getMessage(), "Check the file.", e);
    } catch (InvalidInputException e) {
      throw spec.place().error("Cannot read data: " + e.getMessage(), "Check the path.", e);
    }
  }

  private boolean isEnough() {
    return spec.limit() > 0 && rows.size() >= spec.limit();
  }

  private static String kind(String path) {
    String lower = path.toLowerCase(Locale.ROOT);
    for (String each : List.of("json", "csv", "txt")) {
      if (lower.endsWith("." + each)) {
        return each;
      }
    }
    return "";
  }

  private static List<Path> ownFormats(String input) throws IOException {
    if (kind(input).isEmpty()) {
      return List.of();
    }
    Path path = Path.of(input);
    if (Files.isRegularFile(path)) {
      return List.of(path);
    }
    Path folder = path.getParent() == null ? Path.of(".") : path.getParent();
    if (!Files.isDirectory(folder)) {
      throw new IOException("expected a file, found none (path=" + input + ")");
    }
    PathMatcher matcher =
        FileSystems.getDefault().getPathMatcher("glob:" + path.getFileName().toString());
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files
              .filter(f -> matcher.matches(f.getFileName()))
              .filter(Files::isRegularFile)
              .sorted()
              .toList();
      if (found.isEmpty()) {
        throw new IOException("expected files, found none that match (path=" + input + ")");
      }
      return found;
    }
  }

  private void readOwn(Path file) throws IOException {
    switch (kind(file.toString())) {
      case "csv" -> readCsv(file);
      case "json" -> readJson(file);
      default -> readText(file);
    }
  }

  private void readText(Path file) throws IOException {
    String text = Files.readString(file);
    String[] pieces = split == null ? new String[] {text} : split.split(text, -1);
    long index = 0;
    for (String piece : pieces) {
      if (!isEnough() && !piece.isBlank()) {
        add(
            stem(file.getFileName().toString()),
            index++,
            new LinkedHashMap<>(Map.of("text", piece)));
      }
    }
  }

  private void readCsv(Path file) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      Csv csv = new Csv(reader);
      List<String> header = csv.record();
      if (header == null) {
        throw new IOException("expected a header line, found an empty file (file=" + file + ")");
      }
      long index = 0;
      while (!isEnough()) {
        int line = csv.line();
        List<String> fields = csv.record();
        if (fields == null) {
          return;
        }
        if (fields.size() != header.size()) {
          throw new IOException(
              "expected "
                  + header.size()
                  + " fields, found "
                  + fields.size()
                  + " (file="
                  + file
                  + ", line "
                  + line
                  + ")");
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < header.size(); i++) {
          values.put(header.get(i), fields.get(i));
        }
        add(stem(file.getFileName().toString()), index++, values);
      }
    }
  }

  private void readJson(Path file) throws IOException {
    long index = 0;
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        MappingIterator<Map<String, Object>> objects =
            JSON.readerFor(new TypeReference<LinkedHashMap<String, Object>>() {})
                .readValues(reader)) {
      while (!isEnough() && objects.hasNextValue()) {
        add(stem(file.getFileName().toString()), index++, objects.nextValue());
      }
    } catch (JsonProcessingException e) {
      throw new IOException(
          "expected JSON objects, or an array of them, found: "
              + e.getOriginalMessage()
              + " (file="
              + file
              + ", line "
              + (e.getLocation() == null ? 0 : e.getLocation().getLineNr())
              + ")",
          e);
    }
  }

  private void readPipeline(InputFile file) throws IOException {
    try (RowCursor cursor = RowCursors.open(file)) {
      List<String> columns = cursor.columns().stream().map(Field::getName).toList();
      cursor.select(columns);
      long index = 0;
      Row row;
      while (!isEnough() && (row = cursor.next()) != null) {
        add(stem(file.name()), index, values(row, columns, file, index));
        index++;
      }
    }
  }

  private static Map<String, Object> values(
      Row row, List<String> columns, InputFile file, long index) throws IOException {
    try {
      if (row instanceof JsonRow json) {
        return new LinkedHashMap<>(json.object());
      }
      Map<String, Object> values = new LinkedHashMap<>();
      for (String column : columns) {
        values.put(column, row.value(column));
      }
      return values;
    } catch (Row.InvalidRowException e) {
      throw new IOException(
          e.getMessage() + " (file=" + file.location() + ", row " + (index + 1) + ")", e);
    }
  }

  private void add(String file, long index, Map<String, Object> values) {
    values.replaceAll((name, value) -> wellFormed(value instanceof byte[] b ? text(b) : value));
    values.putIfAbsent(FILE_COLUMN, file);
    values.putIfAbsent(INDEX_COLUMN, index);
    rows.add(new RawRow(file, index, values));
  }

  /** JSON may hold half a surrogate pair, which no model can be asked: it becomes U+FFFD. */
  private static Object wellFormed(Object value) {
    if (value instanceof String text) {
      return wellFormed(text);
    }
    if (value instanceof List<?> list) {
      List<Object> copy = new ArrayList<>(list.size());
      list.forEach(each -> copy.add(wellFormed(each)));
      return copy;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, each) -> copy.put(wellFormed(key), wellFormed(each)));
      return copy;
    }
    return value;
  }

  private static String wellFormed(String text) {
    int at = 0;
    while (at < text.length() && !isHalf(text.codePointAt(at))) {
      at += Character.charCount(text.codePointAt(at));
    }
    if (at == text.length()) {
      return text;
    }
    StringBuilder whole = new StringBuilder(text.length());
    text.codePoints().forEach(c -> whole.appendCodePoint(isHalf(c) ? 0xfffd : c));
    return whole.toString();
  }

  private static boolean isHalf(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static String stem(String name) {
    String file = name.substring(name.lastIndexOf('/') + 1);
    String plain = file.endsWith(".gz") ? file.substring(0, file.length() - 3) : file;
    int dot = plain.lastIndexOf('.');
    return dot <= 0 ? plain : plain.substring(0, dot);
  }
}
