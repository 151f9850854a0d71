package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BatchJobTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  @Test
  void everyRowComesBackOnceInInputOrder() throws Exception {
    Path input = folder.resolve("prompts.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 137; i++) {
      lines.add("{\"id\": " + i + ", \"prompt\": \"question " + (i * 7919 % 100) + "\"}");
    }
    Files.write(input, lines);

    JobReport report =
        BatchJob.of(
                JobSettings.of(List.of(input.toString()), OutputSettings.to(folder.resolve("out")))
                    .withChunkRows(10),
                ScriptedEngineFactory.named("every-row"))
            .run();

    assertEquals(137, report.rows());
    assertEquals(137, report.completed());
    List<String> output = Files.readAllLines(folder.resolve("out/prompts.jsonl"));
    assertEquals(137, output.size());
    for (int i = 0; i < output.size(); i++) {
      JsonNode row = JSON.readTree(output.get(i));
      assertTrue(output.get(i).startsWith(lines.get(i).replace("}", ",")), output.get(i));
      assertEquals("echo:<user>question " + (i * 7919 % 100), row.get("output").asText());
    }
    assertTrue(Files.exists(folder.resolve("out/_SUCCESS")));
  }
}
