package dev.millrace.pipeline.prompt;

import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Which columns of one file mean what.
 *
 * @param kind what the prompt column holds
 * @param prompt the prompt column; {@code body} for OpenAI batch lines
 * @param id the id column, or null
 * @param continuation the continuation column, or null
 * @param settings the column of sampling settings, or null
 * @param overrides sampling setting to column
 */
public record RowMapping(
    Kind kind,
    String prompt,
    String id,
    String continuation,
    String settings,
    Map<String, String> overrides) {

  /** What a prompt column holds. */
  public enum Kind {
    TEXT,
    MESSAGES,
    TOKENS,
    OPENAI
  }

  private static final String DEFAULT_SETTINGS = "sampling_params";

  /** The columns that a row is asked for. */
  public List<String> columns() {
    Set<String> columns = new LinkedHashSet<>();
    columns.add(prompt);
    for (String column : new String[] {id, continuation, settings}) {
      if (column != null) {
        columns.add(column);
      }
    }
    columns.addAll(overrides.values());
    return List.copyOf(columns);
  }

  /**
   * Finds the columns of a file.
   *
   * @throws InvalidInputException if one is missing, has the wrong type or cannot be told
   */
  public static RowMapping find(ColumnSettings named, InputFile file, List<Field> columns) {
    return new Finder(named, file, columns).find();
  }

  private record Finder(ColumnSettings named, InputFile file, List<Field> columns) {

    RowMapping find() {
      if (file.format() == InputFormat.OPENAI_BATCH) {
        refuseNames();
        return new RowMapping(Kind.OPENAI, "body", "custom_id", null, null, Map.of());
      }
      String settings = optional(named.settings());
      if (settings == null && has(DEFAULT_SETTINGS)) {
        settings = DEFAULT_SETTINGS;
      }
      named.overrides().values().forEach(this::optional);
      named.overrides().keySet().forEach(this::checkSetting);
      RowMapping prompt = prompt();
      return new RowMapping(
          prompt.kind(),
          prompt.prompt(),
          optional(named.id()),
          optional(named.continuation()),
          settings,
          named.overrides());
    }

    /** An OpenAI batch line says all in its own fields. */
    private void refuseNames() {
      refuseName("id", "custom_id".equals(named.id()) ? null : named.id());
      refuseName("continuation", named.continuation());
      refuseName("settings", named.settings());
      named.overrides().forEach((setting, column) -> refuseName(setting, column));
    }

    private void refuseName(String role, String column) {
      if (column != null) {
        throw new InvalidInputException(
            "expected no "
                + role
                + " column for OpenAI batch lines, which say all in their body, found "
                + column
                + where()
                + "; drop it, or name the prompt column too, to read the lines as plain rows");
      }
    }

    private void checkSetting(String name) {
      if (!SamplingOverrides.isKnown(name)) {
        throw new InvalidInputException(
            "expected a sampling setting, found "
                + name
                + "; the settings are "
                + SamplingOverrides.names());
      }
    }

    private RowMapping prompt() {
      if (named.prompt() != null) {
        return checked(Kind.TEXT, optional(named.prompt()));
      }
      if (named.messages() != null) {
        return checked(Kind.MESSAGES, optional(named.messages()));
      }
      if (named.tokenIds() != null) {
        return checked(Kind.TOKENS, optional(named.tokenIds()));
      }
      Map<String, Kind> usual =
          Map.of(
              "prompt", Kind.TEXT,
              "messages", Kind.MESSAGES,
              "prompt_token_ids", Kind.TOKENS,
              "input_ids", Kind.TOKENS);
      List<String> present =
          columns.stream().map(Field::getName).filter(usual::containsKey).sorted().toList();
      if (present.size() == 1) {
        return checked(usual.get(present.get(0)), present.get(0));
      }
      throw new InvalidInputException(
          "expected one column named prompt, messages, prompt_token_ids or input_ids, found "
              + (present.isEmpty() ? "none" : "several (" + String.join(", ", present) + ")")
              + where()
              + "; name the column that holds the prompt");
    }

    private RowMapping checked(Kind kind, String column) {
      ArrowType type = field(column).getType();
      boolean fits =
          type instanceof ArrowType.Null
              || switch (kind) {
                case TEXT -> isText(type);
                case MESSAGES -> isText(type) || isList(type);
                case TOKENS -> isList(type);
                case OPENAI -> true;
              };
      if (!fits) {
        throw new InvalidInputException(
            "expected column "
                + column
                + " to hold "
                + switch (kind) {
                  case TEXT -> "text";
                  case MESSAGES -> "a list of role and content, or the same as JSON text";
                  case TOKENS -> "lists of token ids";
                  case OPENAI -> "a request body";
                }
                + ", found "
                + type
                + where()
                + "; name another column");
      }
      return new RowMapping(kind, column, null, null, null, Map.of());
    }

    private static boolean isText(ArrowType type) {
      return type instanceof ArrowType.Utf8
          || type instanceof ArrowType.LargeUtf8
          || type instanceof ArrowType.Utf8View
          || type instanceof ArrowType.Binary
          || type instanceof ArrowType.LargeBinary
          || type instanceof ArrowType.BinaryView;
    }

    private static boolean isList(ArrowType type) {
      return type instanceof ArrowType.List
          || type instanceof ArrowType.LargeList
          || type instanceof ArrowType.FixedSizeList;
    }

    private boolean has(String column) {
      return columns.stream().anyMatch(f -> f.getName().equals(column));
    }

    private Field field(String column) {
      List<Field> found = new ArrayList<>();
      for (Field field : columns) {
        if (field.getName().equals(column)) {
          found.add(field);
        }
      }
      if (found.size() == 1) {
        return found.get(0);
      }
      throw new InvalidInputException(
          "expected one column named "
              + column
              + ", found "
              + (found.isEmpty() ? "none" : found.size())
              + where()
              + "; name one of the columns");
    }

    /** The named column, which must be there, or null if none is named. */
    private String optional(String column) {
      return column == null ? null : field(column).getName();
    }

    private String where() {
      return " (file="
          + file.location()
          + ", columns: "
          + (columns.isEmpty()
              ? "none"
              : columns.stream().map(Field::getName).collect(Collectors.joining(", ")))
          + ")";
    }
  }
}
