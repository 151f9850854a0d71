package dev.millrace.jobs.report;

/** Lines of a label and a text, aligned. */
final class Columns {
  private static final int LABEL_WIDTH = 12;

  private final StringBuilder text = new StringBuilder();

  /** A line at the left margin. */
  Columns heading(String line) {
    text.append(line).append('\n');
    return this;
  }

  /** A label and what it stands for. */
  Columns row(String label, String line) {
    text.append(String.format("  %-" + LABEL_WIDTH + "s%s%n", label, line));
    return this;
  }

  /** A further line under the same label. */
  Columns more(String line) {
    return row("", line);
  }

  Columns gap() {
    text.append('\n');
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
