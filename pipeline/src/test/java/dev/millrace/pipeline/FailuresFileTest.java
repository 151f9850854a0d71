package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Failed rows of tables: beside the others in the output, and in a file that is input again. */
final class FailuresFileTest {
  @TempDir private Path folder;

  private JobReport run(Path input, String out, OutputFormat format, String column) {
    Path output = folder.resolve(out);
    JobSettings settings =
        Jobs.settings(input, output)
            .withOutput(OutputSettings.to(output).withFormat(format).withColumn(column))
            .withAllowedFailures(1);
    return Jobs.run(settings, "failures-" + out);
  }

  private List<JsonNode> asJson(Path table, String out) throws IOException {
    run(table, out, OutputFormat.JSONL, "seen");
    return Jobs.rows(folder.resolve(out).resolve("in.jsonl"));
  }

  @Test
  void failuresOfTablesAreTablesWithTheSameColumns() throws IOException {
    Path lines =
        Jobs.lines(
            folder.resolve("in.jsonl"),
            "{'n':0,'prompt':'good','deep':{'list':[1,null]}}",
            "{'n':1,'prompt':null,'deep':{'list':[2]}}",
            "{'n':2,'deep':null}",
            "{'n':3,'prompt':'fine'}",
            "{'n':4,'prompt':'DEADLINE','deep':{'list':[]}}");
    for (OutputFormat format : List.of(OutputFormat.PARQUET, OutputFormat.ARROW)) {
      String extension = format == OutputFormat.PARQUET ? ".parquet" : ".arrow";
      assertEquals(3, run(lines, "a" + format, format, "output").failed());
      Path table = folder.resolve("a" + format + "/in" + extension);

      // the table again in its own format: nulls fail again
      assertEquals(3, run(table, "b" + format, OutputFormat.SAME, "second").failed());

      Path failures = folder.resolve("b" + format + "/_failures/in" + extension);
      List<JsonNode> rows = asJson(failures, "c" + format);
      assertEquals(List.of(1, 2, 4), rows.stream().map(r -> r.get("n").asInt()).toList());
      assertEquals("{\"list\":[2]}", rows.get(0).get("deep").toString());
      assertEquals("PROMPT_NULL", rows.get(1).get("failure_reason").asText());
      assertEquals("DEADLINE_EXCEEDED", rows.get(2).get("failure_reason").asText());
      assertFalse(rows.get(0).has("second"), "a failures file holds the input's columns alone");

      // and the failures as input: their columns are replaced, not doubled
      assertEquals(3, run(failures, "d" + format, OutputFormat.SAME, "third").failed());
      List<JsonNode> again =
          asJson(folder.resolve("d" + format + "/_failures/in" + extension), "e" + format);
      assertEquals("too slow", again.get(2).get("failure_message").asText());
    }
  }

  @Test
  void globsTakeWhatMatchesInNaturalOrderAndLeaveTheRest() throws IOException {
    for (String name : List.of("part-10", "part-9", "other", "_hidden/part-1")) {
      Jobs.lines(folder.resolve("in/" + name + ".jsonl"), "{'prompt':'" + name + "'}");
    }
    Files.writeString(folder.resolve("in/readme.txt"), "no table");

    assertEquals(
        List.of("part-9.jsonl", "part-10.jsonl"),
        names(run(folder.resolve("in/part-*.jsonl"), "glob", OutputFormat.SAME, "output")));
    assertEquals(
        List.of("other.jsonl", "part-9.jsonl", "part-10.jsonl"),
        names(run(folder.resolve("in"), "folder", OutputFormat.SAME, "output")));
    assertEquals(
        List.of("other.jsonl", "part-9.jsonl", "part-10.jsonl"),
        names(run(folder.resolve("in"), "in/out", OutputFormat.SAME, "output")),
        "an output folder inside the input is no input");
  }

  private static List<String> names(JobReport report) {
    return report.files().stream().map(JobReport.OutputFile::name).toList();
  }
}
