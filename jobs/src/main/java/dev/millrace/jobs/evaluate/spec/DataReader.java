package dev.millrace.jobs.evaluate.spec;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the {@code data} of a task or of its examples. */
final class DataReader {
  private final Path folder;

  DataReader(Path folder) {
    this.folder = folder;
  }

  /**
   * Reads a source of rows.
   *
   * @param columns computed columns where the section names none
   */
  DataSpec read(Section section, List<DataSpec.Column> columns) {
    SpecValue path = section.required("path");
    List<String> shown = path.texts();
    List<String> inputs = new ArrayList<>();
    for (String each : shown) {
      inputs.add(each.contains("://") ? each : folder.resolve(each).normalize().toString());
    }
    Optional<SpecValue> limit = section.optional("limit");
    Optional<SpecValue> sample = section.optional("sample");
    if (limit.isPresent() && sample.isPresent()) {
      throw sample.get().place().error("Expected 'limit' or 'sample', found both", "Drop one.");
    }
    DataSpec spec =
        new DataSpec(
            inputs,
            shown,
            section.text("id", null),
            section.optional("cluster").map(TaskReader::placed).orElse(null),
            section.optional("columns").map(v -> columns(v.section())).orElse(columns),
            section.optional("split").map(TaskReader::placed).orElse(null),
            limit.map(v -> v.whole(1, Long.MAX_VALUE)).orElse(0L),
            sample.map(v -> v.small(1, Integer.MAX_VALUE)).orElse(0),
            section.place());
    section.close();
    return spec;
  }

  private static List<DataSpec.Column> columns(Section section) {
    List<DataSpec.Column> columns = new ArrayList<>();
    for (String name : List.copyOf(section.names())) {
      SpecValue value = section.required(name);
      if (!value.isMapping()) {
        columns.add(new DataSpec.Column(name, null, null, false, TaskReader.placed(value)));
        continue;
      }
      Section column = value.section();
      String from = column.required("from").text();
      boolean all = column.has("all");
      PlacedText pattern = TaskReader.placed(column.required(all ? "all" : "regex"));
      column.close();
      columns.add(new DataSpec.Column(name, from, pattern, all, null));
    }
    return columns;
  }
}
