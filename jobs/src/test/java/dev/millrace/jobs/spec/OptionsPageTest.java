package dev.millrace.jobs.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code docs/options.md} is written from the table of options; run with the property to do so. */
class OptionsPageTest {
  private static final String WRITE_PROPERTY = "millrace.docs.write";

  @Test
  void optionsPageIsWhatTheTableSays() throws IOException {
    Path page = RepositoryFiles.root().resolve("docs/options.md");
    String expected = page();
    if (Boolean.getBoolean(WRITE_PROPERTY)) {
      Files.createDirectories(page.getParent());
      Files.writeString(page, expected);
    }

    assertEquals(
        expected,
        Files.readString(page),
        "docs/options.md is out of date; run this test with -D" + WRITE_PROPERTY + "=true");
  }

  private static String page() {
    StringBuilder page = new StringBuilder();
    page.append(
        """
        # Options of a job

        Every option is a flag of `run-job` and `plan`, and a key of a [job spec](job-spec.md). A flag wins
        over `--set KEY=VALUE`, which wins over the spec. An option that is yes or no is switched off with
        `--no-NAME`. Sizes are written `512MiB` or `4GiB`, shares `0.01` or `1%`.
        """);
    for (OptionGroup group : OptionGroup.values()) {
      page.append("\n## ").append(group.heading()).append("\n\n");
      page.append("| flag | spec key | default | meaning |\n|---|---|---|---|\n");
      for (JobOption option : JobOption.values()) {
        if (option.group() == group) {
          page.append(row(option));
        }
      }
    }
    return page.toString();
  }

  private static String row(JobOption option) {
    List<String> others =
        option.flags().stream()
            .filter(flag -> !flag.equals(option.flag()))
            .map(flag -> "`" + flag + "`")
            .toList();
    return String.format(
        "| `%s`%s | `%s` | %s | %s%s |%n",
        option.flag(),
        others.isEmpty() ? "" : ", also " + String.join(", ", others),
        option.key(),
        option.defaultText() == null ? "" : "`" + option.defaultText() + "`",
        option.description().replace("%%", "%").replace("<", "&lt;"),
        option.choices().isEmpty() ? "" : " One of " + String.join(", ", option.choices()) + ".");
  }
}
