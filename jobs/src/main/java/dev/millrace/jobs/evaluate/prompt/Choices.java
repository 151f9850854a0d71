package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.spec.ChoicesSpec;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.util.ArrayList;
import java.util.List;

/** The choices of each row and which of them is right. */
final class Choices {
  private final ChoicesSpec spec;
  private final List<RowTemplate> templates;
  private final RowTemplate answer;

  Choices(ChoicesSpec spec) {
    this.spec = spec;
    this.templates = spec.templates().stream().map(RowTemplate::compile).toList();
    this.answer = RowTemplate.compile(spec.answer());
  }

  String delimiter() {
    return spec.delimiter();
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
