package dev.millrace.jobs.evaluate.night;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.SmallDisk;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A night on a small file system of its own; needs the right to mount one, else it is skipped. */
class FullDiskNightIT {
  @TempDir private Path folder;
  private SmallDisk small;
  private Path disk;
  private NightFixture fixture;

  @BeforeEach
  void mountASmallDisk() throws Exception {
    small = SmallDisk.mount(folder, "3m");
    disk = small.path();
    fixture = new NightFixture(disk);
    fixture.nextNight();
  }

  @AfterEach
  void unmount() throws Exception {
    if (small != null) {
      small.unmount();
    }
  }

  /** Fills the disk to the last byte. */
  private static void fill(Path file) throws IOException {
    byte[] block = new byte[512];
    try (OutputStream out = Files.newOutputStream(file)) {
      for (int i = 0; i < 1 << 15; i++) {
        out.write(block);
      }
    } catch (IOException e) {
      assertTrue(e.getMessage().contains("No space"), e.getMessage());
    }
  }

  @Test
  void aVerdictReachedOnAFullDiskIsKept() throws IOException {
    ExitCode code =
        fixture.run(
            new NightBody() {
              @Override
              public NightVerdict decide(Night night) throws IOException {
                fill(night.folder().resolve("ballast"));
                byte[] result = "x".repeat(200_000).getBytes(StandardCharsets.UTF_8);
                night
                    .keeper()
                    .keep(() -> Files.write(night.folder().resolve("night.json"), result));
                return NightFixture.verdict("FAIL");
              }

              @Override
              public void report(Night night, NightVerdict verdict) throws IOException {
                fill(night.folder().resolve("report.html"));
                Files.write(night.folder().resolve("junit.xml"), new byte[512]);
              }
            });

    assertEquals(ExitCode.GATE_FAILED, code);
    NightEntry night = fixture.entry("2026-11-25");
    assertEquals("FAIL", night.verdict().orElseThrow().verdict());
    assertEquals(200_000, Files.size(fixture.root.resolve("nights/2026-11-25/night.json")));
    assertTrue(fixture.told().contains("The verdict stands."), fixture.told());
  }

  @Test
  void aNightThatFindsTheDiskFullGoesOnWhenThereIsRoom() throws Exception {
    Path ballast = disk.resolve("ballast");
    CommandException full =
        assertThrows(
            CommandException.class,
            () ->
                fixture.run(
                    night -> {
                      fill(ballast);
                      Files.write(night.folder().resolve("half"), new byte[4096]);
                      throw new IllegalStateException("not reached");
                    }));
    assertEquals(ExitCode.RETRYABLE, full.exitCode());
    Files.delete(ballast);

    assertEquals(ExitCode.DONE, fixture.run("PASS"));

    assertEquals(2, fixture.entry("2026-11-25").attempts().size());
  }

  /** A whole evaluation, whose disk is filled while it answers. */
  @Test
  void anEvaluationWhoseDiskFillsUpGoesOnWithTheSameNight() throws Exception {
    Path spec =
        Files.writeString(
            folder.resolve("full.yaml"),
            """
            name: full
            suites:
              - name: s
                tasks:
                  - name: t
                    data: {path: PROMPTS, id: id, limit: 20}
                    prompt: "{{ prompt }}"
                    target: "{{ expected }}"
                    sampling: {max_tokens: 16}
            """
                .replace("PROMPTS", RepositoryFiles.sampleData("prompts.parquet").toString()));
    String out = disk.resolve("nights").toString();
    String[] command = {"evaluate", spec.toString(), "--output", out, "--night", "2020-01-02"};
    Path cache = folder.resolve("cache");
    CommandLineRun.millrace(cache, "evaluate", spec.toString(), "--check"); // converts the model
    Files.createDirectories(Path.of(out));
    Files.write(Path.of(out, ".reserve"), new byte[1 << 20]);
    Path ballast = disk.resolve("ballast");
    fill(ballast);

    CommandLineRun full = CommandLineRun.millrace(cache, command);

    assertEquals(75, full.exitCode(), full.all());
    Files.delete(ballast);
    CommandLineRun again = CommandLineRun.millrace(cache, command);
    assertEquals(0, again.exitCode(), again.all());
    Path elsewhere = folder.resolve("elsewhere");
    command[3] = elsewhere.toString();
    assertEquals(0, CommandLineRun.millrace(cache, command).exitCode());
    String samples = "nights/2020-01-02/samples/sample/s.t.jsonl";
    assertEquals(
        Files.readString(elsewhere.resolve(samples)), Files.readString(Path.of(out, samples)));
  }
}
