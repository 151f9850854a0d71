package dev.millrace.jobs.evaluate.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.read.RowCursor;
import dev.millrace.pipeline.read.RowCursors;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class EvaluationReportTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir private Path folder;

  /** Reads columns of a Parquet file back, through the reader of the pipeline. */
  private static List<List<Object>> parquet(Path file, String... columns) throws Exception {
    InputFile input =
        new InputFile("x", file.toString(), InputFormat.PARQUET, false, Files.size(file), 0);
    List<List<Object>> rows = new ArrayList<>();
    try (RowCursor cursor = RowCursors.open(input)) {
      cursor.select(List.of(columns));
      for (Row row = cursor.next(); row != null; row = cursor.next()) {
        List<Object> values = new ArrayList<>();
        for (String column : columns) {
          Object value = row.value(column);
          values.add(
              value instanceof byte[] utf8 ? new String(utf8, StandardCharsets.UTF_8) : value);
        }
        rows.add(values);
      }
    }
    return rows;
  }

  private Path write(ReportFixture fixture) throws IOException {
    NightFolder night = fixture.write();
    EvaluationReport.write(fixture.evaluation, night);
    return night.path();
  }

  private ReportFixture fixture() {
    ReportFixture fixture = new ReportFixture(folder);
    fixture.nights = 4;
    return fixture;
  }

  @Test
  void theSameNightGivesTheSameFiles() throws IOException {
    ReportFixture fixture = fixture();
    Path night = write(fixture);
    List<String> names =
        List.of(
            "report.html",
            "junit.xml",
            "tasks.csv",
            "rows.csv",
            "results.parquet",
            "samples.parquet");
    List<byte[]> first = new ArrayList<>();
    for (String name : names) {
      first.add(Files.readAllBytes(night.resolve(name)));
    }

    EvaluationReport.write(fixture.evaluation, NightFolder.at(night));

    for (int i = 0; i < names.size(); i++) {
      assertTrue(
          Arrays.equals(first.get(i), Files.readAllBytes(night.resolve(names.get(i)))),
          names.get(i));
    }
    try (Stream<Path> all = Files.walk(night)) {
      assertEquals(
          List.of(),
          all.filter(p -> p.getFileName().toString().endsWith(".tmp")).toList(),
          "temporary files are left");
    }
  }

  @Test
  void thePageSaysTheVerdictFirstAndNamesNoOtherPlace() throws IOException {
    String html = Files.readString(write(fixture()).resolve("report.html"));

    assertTrue(
        html.indexOf("Failed</h1>") > 0 && html.indexOf("Failed</h1>") < html.indexOf("<main>"));
    assertFalse(html.contains("http://") || html.contains("https://"), "an address of elsewhere");
    assertFalse(html.matches("(?s).*<[^>]+\\s(style|on[a-z]+)=.*"), "inline style or handler");
    assertTrue(html.contains("default-src &#39;none&#39;"), html.substring(0, 600));
  }

  @Test
  void withoutABaselineWrongRowsAreShownInstead() throws IOException {
    ReportFixture fixture = fixture();
    fixture.accepted = false;

    String html = Files.readString(write(fixture).resolve("report.html"));

    assertTrue(html.contains("Rows to look at"), "heading");
    assertTrue(html.contains("class=\"flip wrong\""), "wrong rows");
    assertFalse(html.contains("class=\"flip worse\""), "nothing to compare with");
  }

  @Test
  void rowsThatFlippedAreThoseWhoseValueDiffers() throws IOException {
    ReportFixture fixture = fixture();
    NightFolder night = fixture.write();
    FlipFinder finder = new FlipFinder(night, fixture.evaluation.baseline(), 1000, 5000);

    TaskFlips flips = finder.find(night.read().tasks().get(0));

    assertEquals(flips.all(), flips.shown().size());
    assertTrue(flips.count(Flip.Kind.WORSE) > 0 && flips.count(Flip.Kind.BETTER) > 0);
    for (Flip flip : flips.shown()) {
      assertEquals(flip.kind() == Flip.Kind.WORSE, flip.after() < flip.before());
      assertEquals(flip.tonight().rowId(), flip.accepted().rowId());
      assertFalse(flip.tonight().answers().equals(flip.accepted().answers()));
    }
  }

  @Test
  void aHundredThousandRowsGiveAPageOfBoundedSize() throws IOException {
    ReportFixture fixture = fixture();
    fixture.tasks = 1;
    fixture.rows = 100_000;
    Path night = write(fixture);

    long bytes = Files.size(night.resolve("report.html"));

    assertTrue(bytes < 4L << 20, bytes + " bytes");
    String html = Files.readString(night.resolve("report.html"));
    assertTrue(html.contains("The page holds 300 of "), "the note of what is left out");
  }

  @Test
  void aRowOfManyMegabytesIsShortened() throws IOException {
    ReportFixture fixture = fixture();
    fixture.tasks = 1;
    fixture.rows = 20;
    NightFolder written = fixture.write();
    Path samples = written.path().resolve(written.read().tasks().get(0).samplesFile());
    String lengthy = "y".repeat(1 << 20);
    Files.writeString(
        samples,
        Files.readString(samples).replace("A baker makes", "A " + lengthy + " baker makes"));

    EvaluationReport.write(fixture.evaluation, written);

    long bytes = Files.size(written.path().resolve("report.html"));
    assertTrue(bytes < 1L << 20, bytes + " bytes");
    String html = Files.readString(written.path().resolve("report.html"));
    assertTrue(html.contains("characters left out"), "the note of what is left out");
  }

  @Test
  void junitCountsWhatFailed() throws Exception {
    Document xml = xml(Files.readString(write(fixture()).resolve("junit.xml")));

    Element root = xml.getDocumentElement();
    assertEquals("testsuites", root.getTagName());
    assertEquals("6", root.getAttribute("tests"));
    assertEquals("1", root.getAttribute("failures"));
    assertEquals(2, xml.getElementsByTagName("testsuite").getLength());
    Element failure = (Element) xml.getElementsByTagName("failure").item(0);
    assertTrue(failure.getAttribute("message").contains("upper bound is below 0"));
    assertEquals("gsm8k", ((Element) failure.getParentNode()).getAttribute("name"));
  }

  private static Document xml(String text) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(text)));
  }

  @Test
  void hostileTextsAreWellFormedXmlAndInertCsv() throws Exception {
    ReportFixture fixture = fixture();
    fixture.text = HostileText.ALL;
    Path night = write(fixture);

    Document xml = xml(Files.readString(night.resolve("junit.xml")));
    assertEquals(6, xml.getElementsByTagName("testcase").getLength());
    for (String name : List.of("tasks.csv", "rows.csv")) {
      String csv = Files.readString(night.resolve(name));
      List<List<String>> rows = csv(csv);
      for (List<String> row : rows) {
        assertEquals(rows.get(0).size(), row.size(), name + " " + row);
        for (String cell : row) {
          boolean number = cell.matches("-?[0-9.]+(E-?[0-9]+)?");
          assertTrue(
              number || cell.isEmpty() || "=+-@|%\t\r".indexOf(cell.charAt(0)) < 0, name + cell);
        }
      }
      assertTrue(csv.chars().noneMatch(c -> c == 0x1b || c == 0 || c == 0x202e), name);
    }
    String html = Files.readString(night.resolve("report.html"));
    assertEquals(1, html.split("<script", -1).length - 1, "scripts");
    assertFalse(html.contains("<img") || html.contains("<iframe") || html.contains("<base"));
  }

  /** Reads RFC 4180. */
  private static List<List<String>> csv(String text) {
    List<List<String>> rows = new ArrayList<>();
    List<String> row = new ArrayList<>();
    StringBuilder cell = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted && c == '"' && i + 1 < text.length() && text.charAt(i + 1) == '"') {
        cell.append('"');
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == ',' || c == '\n')) {
        row.add(cell.toString());
        cell.setLength(0);
        if (c == '\n') {
          rows.add(row);
          row = new ArrayList<>();
        }
      } else if (quoted || c != '\r') {
        cell.append(c);
      }
    }
    return rows;
  }

  @Test
  void harnessFilesHaveItsNamesAndKeys() throws IOException {
    Path night = write(fixture());
    Path model = night.resolve("lm-eval/qwen2.5-0.5b");
    String time = "2026-11-25T01-00-00.250000";

    JsonNode results = MAPPER.readTree(model.resolve("results_" + time + ".json").toFile());

    Set<String> keys = new HashSet<>();
    results.fieldNames().forEachRemaining(keys::add);
    assertTrue(
        keys.containsAll(
            List.of(
                "results",
                "group_subtasks",
                "configs",
                "versions",
                "n-shot",
                "higher_is_better",
                "n-samples",
                "config",
                "date",
                "model_source",
                "model_name",
                "model_name_sanitized",
                "task_hashes",
                "total_evaluation_time_seconds")),
        keys.toString());
    JsonNode gsm8k = results.at("/results/gsm8k");
    assertEquals(0.2777, gsm8k.path("exact_match,none").asDouble(), 0.01);
    assertEquals(0.0113, gsm8k.path("exact_match_stderr,none").asDouble());
    assertEquals(5, results.at("/n-shot/gsm8k").asInt());
    assertEquals(64, results.at("/task_hashes/gsm8k").asText().length());
    List<String> lines =
        Files.readAllLines(model.resolve("samples_mmlu_anatomy_" + time + ".jsonl"));
    assertEquals(40, lines.size());
    JsonNode sample = MAPPER.readTree(lines.get(3));
    assertEquals(3, sample.path("doc_id").asInt());
    assertEquals("0", sample.path("target").asText());
    assertEquals(" the femur", sample.at("/arguments/gen_args_0/arg_1").asText());
    assertEquals("False", sample.at("/filtered_resps/1/1").asText());
    assertEquals(
        sample.path("acc").asDouble(),
        sample.path("acc_norm").asDouble(),
        "both metrics of the fixture");
    JsonNode words =
        MAPPER.readTree(
            Files.readAllLines(model.resolve("samples_winogrande_" + time + ".jsonl")).get(0));
    assertEquals(97, words.at("/word_perplexity/1").asInt());
  }

  @Test
  void parquetFilesHoldEveryTaskAndSample() throws Exception {
    Path night = write(fixture());

    List<List<Object>> samples =
        parquet(night.resolve("samples.parquet"), "night", "row_id", "value");
    assertEquals(240, samples.size());
    assertEquals("2026-11-25", samples.get(0).get(0));
    assertEquals("test-0", samples.get(0).get(1));
    List<List<Object>> results =
        parquet(
            night.resolve("results.parquet"),
            "task",
            "metric",
            "score",
            "verdict",
            "baseline_night");
    assertEquals(8, results.size());
    assertEquals("gsm8k", results.get(0).get(0));
    assertEquals("FAIL", results.get(0).get(3));
    assertEquals("2026-11-20", results.get(1).get(4));
    assertEquals("acc", results.get(2).get(1));
    assertNull(results.get(2).get(4), "other metrics are not compared");
  }
}
