package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.spec.ChoicesSpec;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The choices of each row and which of them is right. */
final class Choices {
  private final ChoicesSpec spec;
  private final List<RowTemplate> templates;
  private final RowTemplate answer;
  private final RowTemplate context;
  private final RowTemplate continuation;

  Choices(ChoicesSpec spec) {
    this.spec = spec;
    this.templates = spec.templates().stream().map(RowTemplate::compile).toList();
    this.answer = RowTemplate.compile(spec.answer());
    this.context = spec.context() == null ? null : RowTemplate.compile(spec.context());
    this.continuation =
        spec.continuation() == null ? null : RowTemplate.compile(spec.continuation());
  }

  String delimiter() {
    return spec.delimiter();
  }

  /** Whether a choice stands in the question, and the same words after it are scored. */
  boolean haveContexts() {
    return context != null;
  }

  /** What is asked with this choice in it. */
  String context(DataRow row, String choice) {
    return context.render(with(row, choice));
  }

  /** What is scored after {@link #context}. */
  String continuation(DataRow row, String choice) {
    return continuation.render(with(row, choice));
  }

  private static Map<String, Object> with(DataRow row, String choice) {
    Map<String, Object> values = new HashMap<>(row.values());
    values.put("choice", choice);
    return values;
  }

  List<String> of(DataRow row) {
    if (spec.column() == null) {
      return templates.stream().map(template -> template.render(row.values())).toList();
    }
    PlacedText column = spec.column();
    Object value = row.values().get(column.text());
    List<String> texts = new ArrayList<>();
    if (value instanceof List<?> list && list.size() >= 2) {
      list.forEach(each -> texts.add(String.valueOf(each)));
      return texts;
    }
    throw column
        .place()
        .error(
            column.key()
                + ": expected a list of at least two choices in column '"
                + column.text()
                + "' of row "
                + row.id()
                + ", found "
                + (value instanceof List<?> list ? list.size() : value == null ? "none" : "text"),
            "Correct the column or the row.");
  }

  int right(DataRow row, List<String> choices) {
    String named = answer.render(row.values()).strip();
    int index =
        switch (spec.by()) {
          case INDEX -> named.matches("[0-9]{1,4}") ? Integer.parseInt(named) : -1;
          case LETTER -> named.matches("[A-Za-z]") ? (named.charAt(0) | 0x20) - 'a' : -1;
          case LABEL -> spec.labels().indexOf(named);
          case TEXT -> choices.indexOf(named);
        };
    if (index >= 0 && index < choices.size()) {
      return index;
    }
    throw spec.answer()
        .place()
        .error(
            spec.answer().key()
                + ": expected the "
                + spec.by().name().toLowerCase(java.util.Locale.ROOT)
                + " of one of "
                + choices.size()
                + " choices, found '"
                + (named.length() > 60 ? named.substring(0, 60) + "..." : named)
                + "' in row "
                + row.id(),
            "Correct the template, or 'by'.");
  }
}
