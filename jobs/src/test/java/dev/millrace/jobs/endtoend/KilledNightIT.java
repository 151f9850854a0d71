package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.evaluate.DamagedModel;
import dev.millrace.jobs.evaluate.report.EvaluationReport;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Nights killed by SIGKILL at chosen and at random moments end as one that was not killed: the same
 * samples to the byte, the same verdict, the same report but for times. The night has two models:
 * one whose answers are known from the accepted night, and a damaged one that must be asked and
 * fails its gate.
 */
class KilledNightIT {
  private static final int RANDOM_KILLS = 10;
  private static final int FAILED = 5;
  private static final String ACCEPTED_NIGHT = "2020-01-01";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SPEC =
      """
      name: killed
      models:
        - {name: kept, model: GOOD}
        - {name: changed, model: OTHER}
      chunk_rows: 16
      suites:
        - name: own
          tasks:
            - name: skills
              data: {path: DATA/prompts.parquet, id: id, limit: 48}
              prompt: "{{ prompt }}"
              target: "{{ expected }}"
              sampling: {max_tokens: 32}
              gate: [fail if change < 0 and adjusted_p < 0.05]
            - {use: piqa, data: {path: DATA/evaluation/piqa.jsonl, limit: 12}}
            - {use: wikitext, data: {path: DATA/evaluation/wikitext.txt, limit: 1}, window: 256}
      """;

  /** Files whose first appearance in the evaluation's folder names a moment to kill at. */
  private static final List<String> MOMENTS =
      List.of(
          "nights/2020-01-02/run.json",
          "nights/2020-01-02/begun.json",
          "nights/2020-01-02/work/kept-*/requests/counts.json",
          "nights/2020-01-02/samples/kept/*",
          "nights/2020-01-02/work/changed-*/requests/counts.json",
          "nights/2020-01-02/work/changed-*/answers-generate/_millrace/journals/*",
          "nights/2020-01-02/work/changed-*/answers-generate/_SUCCESS",
          "answers/changed-*/*.jsonl",
          "nights/2020-01-02/samples/changed/own.piqa.jsonl",
          "nights/2020-01-02/night.json",
          "nights/2020-01-02/report.html",
          "nights/2020-01-02/lm-eval/*/*");

  @TempDir private static Path folder;
  private static Path cache;
  private static Path spec;
  private static Path accepted;

  /** A night in which both models are the good one is accepted; then one of them is damaged. */
  @BeforeAll
  static void acceptANight() throws IOException {
    cache = folder.resolve("cache");
    spec = folder.resolve("killed.yaml");
    accepted = folder.resolve("accepted");
    Path good = RepositoryFiles.sampleData("models/tiny-qwen2.5");
    writeSpec(good, good);
    millrace(
        "evaluate", spec.toString(), "--output", accepted.toString(), "--night", ACCEPTED_NIGHT);
    millrace("baseline", "accept", "--output", accepted.toString());
    writeSpec(good, DamagedModel.copy(good, folder.resolve("damaged")));
  }

  private static void writeSpec(Path good, Path other) throws IOException {
    String data = RepositoryFiles.sampleData("").toString();
    Files.writeString(
        spec,
        SPEC.replace("GOOD", good.toString())
            .replace("OTHER", other.toString())
            .replace("DATA", data));
  }

  private static void millrace(String... arguments) {
    CommandLineRun run = CommandLineRun.millrace(cache, arguments);
    assertEquals(0, run.exitCode(), run.all());
  }

  private static Path copyOfAccepted(String name) throws IOException {
    Path copy = folder.resolve(name);
    try (Stream<Path> files = Files.walk(accepted)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Files.copy(file, copy.resolve(accepted.relativize(file).toString()));
      }
    }
    return copy;
  }

  private static JobProcess start(Path output, String... how) throws IOException {
    return start("log", output, how);
  }

  private static JobProcess start(String log, Path output, String... how) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("evaluate", spec.toString()));
    arguments.addAll(List.of("--output", output.toString()));
    arguments.addAll(List.of(how));
    return JobProcess.millrace(cache, folder.resolve(log + ".txt"), arguments);
  }

  @Test
  void aNightKilledAtEveryStageEndsAsOneThatWasNot() throws Exception {
    Path killed = copyOfAccepted("killed-by-stage");
    String[] night = {"--night", "2020-01-02"};
    List<String> missed = new ArrayList<>();
    for (String moment : MOMENTS) {
      JobProcess process = start(killed, night);
      if (!awaitFile(process, killed, moment)) {
        missed.add(moment);
      }
      process.kill();
    }
    System.out.println("KilledNightIT: killed at " + (MOMENTS.size() - missed.size()) + " stages");
    assertTrue(missed.size() <= 2, "the night was not seen at these moments: " + missed);
    assertEndsAsUndisturbed(killed, "by-stage", night);
  }

  @Test
  void ofTwoNightsAtOnceTheSecondIsRefusedOrWaitsAsSet() throws Exception {
    Path output = copyOfAccepted("two-at-once");
    JobProcess first = start(output, "--night", "2020-01-02");
    assertTrue(awaitFile(first, output, "nights/2020-01-02/begun.json"), first.printed());
    try {
      first.signal("STOP"); // it runs until the others have met it, however long their starts take

      JobProcess refused = start("refused", output, "--night", "2020-01-03", "--overlap", "refuse");
      JobProcess waits = start("waits", output, "--night", "2020-01-03", "--overlap", "wait");

      assertEquals(75, refused.await(), refused.printed());
      while (!waits.printed().contains("Another night runs: waiting")) {
        assertFalse(waits.endsWithin(1), waits.printed());
      }
      first.signal("CONT");
      assertEquals(FAILED, first.await(), first.printed());
      assertEquals(FAILED, waits.await(), waits.printed());
    } finally {
      first.kill(); // one that is stopped would stay for ever
    }
    JsonNode second = JSON.readTree(output.resolve("nights/2020-01-03/night.json").toFile());
    assertEquals("2020-01-03", second.get("night_id").asText());
    for (JsonNode model : second.get("models")) {
      assertEquals(0, model.get("job").get("computed_requests").asInt(), "the first one's answers");
    }
  }

  @Test
  void aDueNightKilledAtRandomMomentsEndsAsOneThatWasNot() throws Exception {
    long seed = Long.getLong("tests.seed", new Random().nextLong());
    System.out.println("KilledNightIT: -Dtests.seed=" + seed);
    Random random = new Random(seed);
    Path killed = copyOfAccepted("killed-at-random");
    LocalTime ago = LocalTime.now(ZoneOffset.UTC).minusMinutes(2);
    String due = String.format("%02d:%02d UTC", ago.getHour(), ago.getMinute());
    String[] night = {"--due", due, "--attempts", "99"};
    long longestMillis = 1500;
    int kills = 0;
    while (kills < RANDOM_KILLS) {
      JobProcess process = start(killed, night);
      if (process.endsWithin(300 + random.nextLong(longestMillis))) {
        break; // it has ended: another start has nothing to do, which is checked below
      }
      process.kill();
      kills++;
      longestMillis += 300; // what is done stays done, so later kills may come later
    }
    System.out.println("KilledNightIT: killed at " + kills + " random moments");
    assertEndsAsUndisturbed(killed, "at-random, -Dtests.seed=" + seed, night);
  }

  /** Waits for a file that matches; false if the process ended before it was seen. */
  private static boolean awaitFile(JobProcess process, Path root, String pattern)
      throws IOException, InterruptedException {
    while (!exists(root, pattern)) {
      if (process.endsWithin(1)) {
        return false;
      }
    }
    return true;
  }

  private static boolean exists(Path root, String pattern) throws IOException {
    List<Path> found = List.of(root);
    for (Path part : Path.of(pattern)) {
      List<Path> below = new ArrayList<>();
      for (Path each : found) {
        if (Files.isDirectory(each)) {
          try (DirectoryStream<Path> matching = Files.newDirectoryStream(each, part.toString())) {
            matching.forEach(below::add);
          } catch (NoSuchFileException e) {
            below.clear(); // removed meanwhile
          }
        }
      }
      found = below;
    }
    return !found.isEmpty();
  }

  /** Lets the killed night end, runs one undisturbed, and compares all that they left. */
  private static void assertEndsAsUndisturbed(Path killed, String where, String... how)
      throws Exception {
    JobProcess last = start(killed, how);
    int code = last.await();
    assertTrue(code == FAILED || code == 0, where + "\n" + last.printed()); // 0: it had ended
    Path night;
    try (Stream<Path> nights = Files.list(killed.resolve("nights"))) {
      List<Path> other = nights.filter(n -> !n.endsWith(ACCEPTED_NIGHT)).toList();
      assertEquals(1, other.size(), where + ": one night, " + other);
      night = other.get(0);
    }
    String id = night.getFileName().toString();
    JobProcess told = start(killed, "--night", id);
    assertEquals(FAILED, told.await(), where + "\n" + told.printed());
    Path undisturbed = copyOfAccepted(killed.getFileName() + "-undisturbed");
    JobProcess whole = start(undisturbed, "--night", id);
    assertEquals(FAILED, whole.await(), where + "\n" + whole.printed());

    Path expected = undisturbed.resolve("nights").resolve(id);
    assertEquals(names(expected), names(night), where);
    assertSameBytes(files(expected.resolve("samples")), files(night.resolve("samples")), where);
    assertSameBytes(files(undisturbed.resolve("answers")), files(killed.resolve("answers")), where);
    JsonNode result = JSON.readTree(night.resolve(NightFolder.NIGHT_FILE).toFile());
    JsonNode wanted = JSON.readTree(expected.resolve(NightFolder.NIGHT_FILE).toFile());
    assertEquals(withTimesOf(wanted, wanted), withTimesOf(wanted, result), where);
    assertTrue(JSON.readTree(night.resolve("run.json").toFile()).get("closed").asBoolean(), where);
    assertReportIsThatOf(undisturbed, killed, id, where);
  }

  /**
   * The files on disk are those that the night's own result gives, and with the other's times they
   * are the other's to the byte.
   */
  private static void assertReportIsThatOf(Path undisturbed, Path killed, String id, String where)
      throws IOException {
    Path night = killed.resolve("nights").resolve(id);
    Path expected = undisturbed.resolve("nights").resolve(id);
    Map<String, byte[]> onDisk = files(night);
    EvaluationReport.write(EvaluationFolder.at(killed), NightFolder.at(night));
    assertSameBytes(files(night), onDisk, where + ", as on disk");

    ObjectNode wanted = (ObjectNode) JSON.readTree(expected.resolve("night.json").toFile());
    AtomicFiles.delete(night.resolve("lm-eval")); // its files are named by time
    JSON.writeValue(
        night.resolve("night.json").toFile(),
        withTimesOf(wanted, JSON.readTree(night.resolve("night.json").toFile())));
    EvaluationReport.write(EvaluationFolder.at(killed), NightFolder.at(night));
    Map<String, byte[]> files = files(night);
    Map<String, byte[]> others = files(expected);
    for (String own : List.of("run.json", "night.json", "begun.json")) {
      files.remove(own);
      others.remove(own);
    }
    assertTrue(files.keySet().stream().anyMatch(name -> name.startsWith("lm-eval/")), where);
    assertSameBytes(others, files, where + ", with the same times");
  }

  /** The result with all that is time, or depends on what ran in one process, of another. */
  private static JsonNode withTimesOf(JsonNode other, JsonNode result) {
    ObjectNode copy = result.deepCopy();
    copy.set("started", other.get("started"));
    copy.set("ended", other.get("ended"));
    for (int i = 0; i < copy.get("models").size(); i++) {
      ObjectNode model = (ObjectNode) copy.get("models").get(i);
      model.set("engine", other.get("models").get(i).get("engine"));
      ObjectNode job = (ObjectNode) model.get("job");
      for (Map.Entry<String, JsonNode> entry : other.get("models").get(i).get("job").properties()) {
        String name = entry.getKey();
        if (name.endsWith("seconds") || name.endsWith("second") || name.equals("cached_tokens")) {
          job.set(name, entry.getValue());
        }
      }
    }
    return copy;
  }

  private static void assertSameBytes(
      Map<String, byte[]> expected, Map<String, byte[]> found, String where) {
    assertEquals(expected.keySet(), found.keySet(), where);
    assertFalse(expected.isEmpty(), where);
    expected.forEach(
        (name, bytes) -> assertArrayEquals(bytes, found.get(name), where + ", " + name));
  }

  private static List<String> names(Path root) throws IOException {
    return files(root).keySet().stream()
        .map(name -> name.replaceAll("\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d[.]?\\d*", "TIME"))
        .toList();
  }

  private static Map<String, byte[]> files(Path root) throws IOException {
    Map<String, byte[]> files = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path file : (Iterable<Path>) all.filter(Files::isRegularFile)::iterator) {
        files.put(root.relativize(file).toString(), Files.readAllBytes(file));
      }
    }
    return files;
  }
}
