package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleCommandTest {
  @TempDir private Path folder;
  private Path spec;

  @BeforeEach
  void writeASpec() throws IOException {
    spec = Files.writeString(folder.resolve("My nightly.yaml"), "name: x\n");
  }

  private CommandLineRun schedule(String... more) {
    String[] arguments = new String[more.length + 4];
    arguments[0] = "schedule";
    arguments[1] = spec.toString();
    arguments[2] = "--to";
    arguments[3] = folder.resolve("units").toString();
    System.arraycopy(more, 0, arguments, 4, more.length);
    return CommandLineRun.millrace(folder.resolve("cache"), arguments);
  }

  @ParameterizedTest
  @CsvSource({
    "systemd, millrace-my-nightly.service",
    "cron, millrace-my-nightly.cron",
    "kubernetes, millrace-my-nightly.yaml",
    "airflow, millrace_my_nightly.py",
  })
  void everyTargetGetsItsFile(String target, String file) throws IOException {
    CommandLineRun run =
        schedule("--every", "02:00", "--as", target, "--deadline", "5h", "--keep-nights", "14");

    assertEquals(0, run.exitCode(), run.all());
    String text = Files.readString(folder.resolve("units").resolve(file));
    assertTrue(text.contains("evaluate") && text.contains("--due"), text);
    assertTrue(text.contains("--deadline") && text.contains("5h"), text);
    assertTrue(text.contains("--keep-nights") && text.contains("14"), text);
    assertTrue(run.out().contains("The first night is due at "), run.out());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--every 2am | expected a time such as '02:00'",
        "--every 02:00 --deadline soon | --deadline: expected a time such as 90s",
        "--every 02:00 --overlap maybe | --overlap: expected wait or refuse",
        "--every 02:00 --notify-webhook ftp://x | expected a webhook such as https://host/path",
        "--every 02:00 --name ../x | --name: expected 1 to 50",
        "--every 02:00 --attempts 0 | expected at least 1 attempt",
        "--every 02:00 --keep-nights 0 | expected to keep at least 1 night",
      })
  void whatNoNightCouldUseIsRefusedNow(String arguments, String message) {
    CommandLineRun run = schedule(("--as cron " + arguments).split(" +", -1));

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains(message), run.err());
  }

  @Test
  void onlyLocalTargetsCanBeInstalled() {
    CommandLineRun run = schedule("--every", "02:00", "--as", "airflow", "--install");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("expected systemd or cron, found airflow"), run.err());
  }

  @Test
  void aScheduledFolderListsItsNextNight() {
    Path nights = folder.resolve("nights");
    schedule("--every", "02:00 Europe/Berlin", "--as", "cron", "-o", nights.toString());

    CommandLineRun run =
        CommandLineRun.millrace(folder.resolve("cache"), "nights", "--output", nights.toString());

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().startsWith("No nights yet. The first is due at "), run.out());
  }

  @Test
  void aFolderThatIsNotThereIsNamed() {
    CommandLineRun run =
        CommandLineRun.millrace(folder.resolve("cache"), "nights", "-o", folder + "/none");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("Expected a folder of nights, found none at"), run.err());
  }

  @Test
  void aNightWhoseSpecIsNotValidIsOnRecord() {
    Path nights = folder.resolve("nights");
    CommandLineRun night =
        CommandLineRun.millrace(
            folder.resolve("cache"),
            "evaluate",
            spec.toString(),
            "--output",
            nights.toString(),
            "--due",
            "00:00 UTC");

    assertEquals(2, night.exitCode(), night.all());
    String list =
        CommandLineRun.millrace(folder.resolve("cache"), "nights", "-o", nights.toString()).out();
    assertTrue(list.lines().skip(1).findFirst().orElseThrow().contains(" ERROR "), list);
  }
}
