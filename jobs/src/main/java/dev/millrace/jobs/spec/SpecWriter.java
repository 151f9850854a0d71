package dev.millrace.jobs.spec;

import java.util.List;
import java.util.Map;

/** Prints a spec as YAML that {@link SpecReader} reads back to the same settings. */
public final class SpecWriter {
  private SpecWriter() {}

  /**
   * Every option that has a value, under its section, with a comment telling where it came from.
   */
  public static String write(JobSpec spec) {
    StringBuilder yaml = new StringBuilder();
    String section = "";
    for (JobOption option : sectionsLast()) {
      if (!spec.has(option)) {
        continue;
      }
      int dot = option.key().indexOf('.');
      String optionSection = dot < 0 ? "" : option.key().substring(0, dot);
      if (!optionSection.equals(section)) {
        section = optionSection;
        yaml.append(section).append(":\n");
      }
      String line =
          (dot < 0 ? "" : "  ")
              + option.key().substring(dot + 1)
              + ": "
              + value(spec.value(option), option.type());
      yaml.append(String.format("%-40s # %s%n", line, spec.origin(option)));
    }
    return yaml.toString();
  }

  private static List<JobOption> sectionsLast() {
    return java.util.Arrays.stream(JobOption.values())
        .sorted(java.util.Comparator.comparing(SpecWriter::sectionOrder))
        .toList();
  }

  private static String sectionOrder(JobOption option) {
    int dot = option.key().indexOf('.');
    return dot < 0 ? "" : option.key().substring(0, dot);
  }

  private static String value(Object value, OptionType type) {
    if (value instanceof List<?> items) {
      return "[" + String.join(", ", items.stream().map(i -> value(i, type)).toList()) + "]";
    }
    if (value instanceof Map<?, ?> entries) {
      return "{"
          + String.join(
              ", ",
              entries.entrySet().stream()
                  .map(e -> value(e.getKey(), type) + ": " + value(e.getValue(), type))
                  .toList())
          + "}";
    }
    return value instanceof String text ? quoted(text) : value.toString();
  }

  /** A double-quoted YAML scalar. */
  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> quoted.append('\\').append(c);
        case '\n' -> quoted.append("\\n");
        case '\t' -> quoted.append("\\t");
        case '\r' -> quoted.append("\\r");
        default -> {
          if (c < 0x20 || c == 0x7f) {
            quoted.append(String.format("\\x%02x", (int) c));
          } else {
            quoted.append(c);
          }
        }
      }
    }
    return quoted.append('"').toString();
  }
}
