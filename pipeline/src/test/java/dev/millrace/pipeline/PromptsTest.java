package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What rows ask for, and what becomes of rows that cannot be served. */
final class PromptsTest {
  @TempDir private Path folder;

  private List<JsonNode> outputs(JobSettings settings) throws IOException {
    Jobs.run(settings.withAllowedFailures(1), "prompts");
    return Jobs.rows(folder.resolve("out/in.jsonl"));
  }

  private JobSettings job(String... lines) throws IOException {
    return Jobs.settings(Jobs.lines(folder.resolve("in.jsonl"), lines), folder.resolve("out"));
  }

  @Test
  void promptsAreOneUserTurnWithTheSystemPromptBeforeIt() throws IOException {
    List<JsonNode> rows = outputs(job("{'prompt':'Hi'}").withSystemPrompt("Be brief."));

    assertEquals("echo:<system>Be brief.<user>Hi", rows.get(0).get("output").asText());
  }

  @Test
  void rawPromptsSkipTheTemplate() throws IOException {
    List<JsonNode> rows = outputs(job("{'prompt':'Hi'}").withRawPrompt(true));

    assertEquals("echo:Hi", rows.get(0).get("output").asText());
  }

  @Test
  void messagesMayBeListsOrJsonText() throws IOException {
    List<JsonNode> rows =
        outputs(
            job(
                    "{'messages':[{'role':'user','content':'A'},{'role':'assistant','content':'B'}]}",
                    "{'messages':'[{\\'role\\':\\'user\\',\\'content\\':\\'C\\'}]'}",
                    "{'messages':[{'role':'system','content':'own'},"
                        + "{'role':'user','content':[{'type':'text','text':'D'}]}]}",
                    "{'messages':[{'role':'developer','content':'own'},"
                        + "{'role':'user','content':'E'}]}")
                .withSystemPrompt("S"));

    assertEquals("echo:<system>S<user>A<assistant>B", rows.get(0).get("output").asText());
    assertEquals("echo:<system>S<user>C", rows.get(1).get("output").asText());
    assertEquals("echo:<system>own<user>D", rows.get(2).get("output").asText());
    assertEquals("echo:<developer>own<user>E", rows.get(3).get("output").asText());
  }

  @Test
  void rowWithAPictureFailsAndSaysSo() throws IOException {
    List<JsonNode> rows =
        outputs(
            job(
                "{'messages':[{'role':'user','content':[{'type':'text','text':'What is this?'},"
                    + "{'type':'image_url','image_url':{'url':'a.png'}}]}]}",
                "{'messages':[{'role':'user','content':[{'type':'text'}]}]}"));

    assertEquals(
        "MESSAGES_INVALID: expected text parts, found a part of type image_url, not supported (column=messages)",
        rows.get(0).get("output_error").asText());
    assertEquals(
        "MESSAGES_INVALID: expected text parts, found a part that is not text, not supported (column=messages)",
        rows.get(1).get("output_error").asText());
  }

  @Test
  void tokenIdsAreUsedAsTheyAre() throws IOException {
    List<JsonNode> rows =
        outputs(job("{'prompt_token_ids':[72,105]}", "{'prompt_token_ids':[999]}"));

    assertEquals("echo:Hi", rows.get(0).get("output").asText());
    assertEquals("PROMPT_INVALID", reason(rows.get(1)));
  }

  private static String reason(JsonNode row) {
    return row.get("output_meta").get("failure_reason").asText();
  }

  @Test
  void badRowsBecomeFailuresWithTheirReasonAndAFileOfTheirOwn() throws IOException {
    String tooLong = "x".repeat(4096);
    JobReport report =
        Jobs.run(
            job(
                    "{'prompt':'good'}",
                    "{'prompt':null}",
                    "{'other':1}",
                    "{'prompt':7}",
                    "{'prompt':'" + tooLong + "'}",
                    "{'prompt':'broken",
                    "[1,2]",
                    "{'prompt':'half \\ud800 pair'}",
                    "{'prompt':'too hot','sampling_params':{'temperature':-1}}",
                    "{'prompt':'odd','sampling_params':{'temprature':1}}",
                    "{'prompt':'DEADLINE'}",
                    "{'prompt':'last good'}")
                .withAllowedFailures(0.5),
            "bad-rows");

    assertEquals(12, report.rows());
    assertEquals(2, report.completed());
    assertEquals(3, report.exitCode().code());
    assertEquals(
        Map.of(
            FailureReason.PROMPT_NULL, 2L,
            FailureReason.PROMPT_INVALID, 2L,
            FailureReason.PROMPT_TOO_LONG, 1L,
            FailureReason.ROW_INVALID, 2L,
            FailureReason.SETTINGS_INVALID, 2L,
            FailureReason.DEADLINE_EXCEEDED, 1L),
        report.failures());
    assertFalse(Files.exists(folder.resolve("out/_SUCCESS")), "too many failures: no _SUCCESS");
    List<JsonNode> rows = Jobs.rows(folder.resolve("out/in.jsonl"));
    assertEquals("echo:<user>last good", rows.get(11).get("output").asText());
    assertTrue(rows.get(4).get("output").isNull());
    assertTrue(rows.get(9).get("output_error").asText().contains("temprature"));
    List<JsonNode> failures = Jobs.rows(folder.resolve("out/_failures/in.jsonl"));
    assertEquals(10, failures.size());
    assertEquals("PROMPT_TOO_LONG", failures.get(3).get("failure_reason").asText());
    assertEquals("{\"prompt\":\"broken", failures.get(4).get("invalid_line").asText());
  }

  @Test
  void aFailuresFileIsValidInputAndItsColumnsAreReplacedNotDoubled() throws IOException {
    Jobs.run(job("{'prompt':'DEADLINE'}", "{'prompt':'good'}").withAllowedFailures(1), "first");

    Path again = folder.resolve("out/_failures/in.jsonl");
    Jobs.run(Jobs.settings(again, folder.resolve("out2")).withAllowedFailures(1), "again");

    JsonNode failure = Jobs.rows(folder.resolve("out2/_failures/in.jsonl")).get(0);
    assertEquals(
        "{\"prompt\":\"DEADLINE\",\"failure_reason\":\"DEADLINE_EXCEEDED\","
            + "\"failure_message\":\"too slow\"}",
        failure.toString());
  }

  @Test
  void rowsOverrideSamplingByStructByJsonAndByNamedColumns() throws IOException {
    JobSettings settings =
        job(
                "{'prompt':'abcdef','sampling_params':{'max_tokens':7}}",
                "{'prompt':'abcdef','sampling_params':'{\\'max_tokens\\':6}'}",
                "{'prompt':'abcdef','tokens':8}",
                "{'prompt':'abcdef','temperature':'hot'}")
            .withRawPrompt(true)
            .withColumns(ColumnSettings.automatic().withOverrides(Map.of("max_tokens", "tokens")));

    List<JsonNode> rows = outputs(settings);

    assertEquals("echo:ab", rows.get(0).get("output").asText());
    assertEquals("echo:a", rows.get(1).get("output").asText());
    assertEquals("echo:abc", rows.get(2).get("output").asText());
    assertEquals("echo:abcdef", rows.get(3).get("output").asText(), "not named, so no override");
    assertEquals("length", rows.get(0).get("output_meta").get("finish_reason").asText());
  }

  /** The context holds 4096 tokens, one a byte. */
  @Test
  void maxTokensIsCutToTheContextAndMinTokensIsNot() throws IOException {
    String prompt = "x".repeat(4090);
    List<JsonNode> rows =
        outputs(
            job(
                    "{'prompt':'" + prompt + "','sampling_params':{'max_tokens':60}}",
                    "{'prompt':'"
                        + prompt
                        + "','sampling_params':{'max_tokens':60,'min_tokens':6}}",
                    "{'prompt':'"
                        + prompt
                        + "','sampling_params':{'max_tokens':60,'min_tokens':7}}")
                .withRawPrompt(true));

    assertEquals("echo:x", rows.get(0).get("output").asText());
    assertEquals("echo:x", rows.get(1).get("output").asText());
    assertEquals("PROMPT_TOO_LONG", reason(rows.get(2)));
    String message = rows.get(2).get("output_error").asText();
    assertTrue(message.contains("min_tokens of 7, found room for 6"), message);
  }

  @Test
  void equalDeterministicRequestsAreComputedOnceAndOthersAreNot() throws IOException {
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("dedupe");
    SamplingSettings drawn = SamplingSettings.builder().temperature(1).build();
    JobSettings settings =
        job("{'prompt':'same'}", "{'prompt':'same'}", "{'prompt':'other'}", "{'prompt':'same'}");

    JobReport greedy = BatchJob.of(settings, factory).run();
    assertEquals(2, greedy.requests());
    assertEquals(2, greedy.duplicates());
    assertEquals(2, factory.counts().requests.get());

    JobSettings random =
        settings.withSampling(drawn).withOutput(OutputSettings.to(folder.resolve("out2")));
    JobReport sampled = BatchJob.of(random, factory).run();
    assertEquals(4, sampled.requests());
    List<JsonNode> rows = Jobs.rows(folder.resolve("out2/in.jsonl"));
    long seed = ScriptedEngine.seed("in.jsonl#3");
    assertEquals("echo@" + seed + ":<user>same", rows.get(3).get("output").asText());
    assertEquals(seed, rows.get(3).get("output_meta").get("seed").asLong());
  }

  @Test
  void manyChoicesLogprobsAndTokenIdsHaveTheirColumns() throws IOException {
    SamplingSettings sampling =
        SamplingSettings.builder().n(2).logprobs(2).promptLogprobs(1).maxTokens(3).build();
    for (OutputFormat format : List.of(OutputFormat.SAME, OutputFormat.PARQUET)) {
      Path out = folder.resolve("out-" + format);
      JobSettings settings =
          job("{'prompt':'ab'}")
              .withRawPrompt(true)
              .withSampling(sampling)
              .withOutput(OutputSettings.to(out).withFormat(format).withTokenIds(true));
      Jobs.run(settings, "choices" + format);
      Path rows = out.resolve("in.jsonl");
      if (format == OutputFormat.PARQUET) {
        Path json = folder.resolve("json");
        Jobs.run(
            Jobs.settings(out.resolve("in.parquet"), json)
                .withOutput(
                    OutputSettings.to(json).withFormat(OutputFormat.JSONL).withColumn("next")),
            "choices-json");
        rows = json.resolve("in.jsonl");
      }

      JsonNode row = Jobs.rows(rows).get(0);
      assertEquals("[\"ech\",\"ech\"]", row.get("output").toString());
      assertEquals("[[101,99,104],[101,99,104]]", row.get("output_token_ids").toString());
      assertEquals(
          "[\"length\",\"length\"]", row.get("output_meta").get("finish_reason").toString());
      JsonNode logprob = row.get("output_logprobs").get(1).get(2);
      assertEquals(
          "{\"token_id\":2,\"logprob\":-0.5,\"top\":[{\"token_id\":2,\"logprob\":-0.5},"
              + "{\"token_id\":3,\"logprob\":-1.5}]}",
          logprob.toString());
      assertEquals(1, row.get("output_prompt_logprobs").size());
    }
  }

  @Test
  void continuationsAreScored() throws IOException {
    List<JsonNode> rows =
        outputs(
            job("{'prompt':'a','answer':'yes'}", "{'prompt':'a','answer':null}")
                .withColumns(ColumnSettings.automatic().withContinuation("answer")));

    assertEquals(
        "{\"logprob\":-0.75,\"tokens\":3,\"is_greedy\":true}",
        rows.get(0).get("output_score").toString());
    assertNull(rows.get(0).get("output").textValue());
    assertEquals("PROMPT_NULL", reason(rows.get(1)));
  }

  @Test
  void openAiLinesGiveResponseLines() throws IOException {
    List<JsonNode> rows =
        outputs(
            job(
                "{'custom_id':'a','method':'POST','url':'/v1/chat/completions','body':{'model':'m',"
                    + "'messages':[{'role':'user','content':'Hi'}],'max_tokens':8,'stream':false}}",
                "{'custom_id':'b','url':'/v1/completions','body':{'prompt':'Raw'}}",
                "{'custom_id':'c','url':'/v1/chat/completions','body':{'messages':[],'tools':[1]}}",
                "{'custom_id':'d','url':'/v1/embeddings','body':{'input':'x'}}"));

    JsonNode chat = rows.get(0);
    assertEquals("a", chat.get("custom_id").asText());
    assertTrue(chat.get("error").isNull());
    JsonNode body = chat.get("response").get("body");
    assertEquals("chat.completion", body.get("object").asText());
    assertEquals("m", body.get("model").asText());
    assertEquals("echo:<us", body.get("choices").get(0).get("message").get("content").asText());
    assertEquals("length", body.get("choices").get(0).get("finish_reason").asText());
    assertEquals(8, body.get("usage").get("completion_tokens").asInt());
    assertEquals(
        "echo:Raw",
        rows.get(1).get("response").get("body").get("choices").get(0).get("text").asText());
    assertEquals(400, rows.get(2).get("response").get("status_code").asInt());
    assertEquals("messages_invalid", rows.get(2).get("error").get("code").asText());
    assertEquals("row_invalid", rows.get(3).get("error").get("code").asText());
  }

  @Test
  void linesWithANamedPromptColumnAreRowsThoughTheyLookLikeOpenAis() throws IOException {
    List<JsonNode> rows =
        outputs(
            job("{'custom_id':'a','body':{'prompt':'no'},'question':'Hi'}")
                .withColumns(ColumnSettings.automatic().withPrompt("question")));

    assertEquals("echo:<user>Hi", rows.get(0).get("output").asText());
  }

  @Test
  void limitTakesTheFirstRowsOverAllFiles() throws IOException {
    Path in = folder.resolve("many");
    for (int file : new int[] {2, 10}) {
      Jobs.lines(
          in.resolve("part-" + file + ".jsonl"),
          "{'prompt':'" + file + "a'}",
          "{'prompt':'" + file + "b'}",
          "{'prompt':'" + file + "c'}");
    }

    JobReport report = Jobs.run(Jobs.settings(in, folder.resolve("out")).withLimit(4), "limit");

    assertEquals(4, report.rows());
    assertEquals(
        List.of("part-2.jsonl", "part-10.jsonl"),
        report.files().stream().map(JobReport.OutputFile::name).toList());
    assertEquals(1, Jobs.rows(folder.resolve("out/part-10.jsonl")).size());
  }

  @Test
  void gzipLinesComeBackAsGzip() throws IOException {
    Path input = folder.resolve("in.jsonl.gz");
    byte[] text = "\uFEFF{\"prompt\":\"a\"}\r\n\n{ }\n".getBytes(StandardCharsets.UTF_8);
    try (var out = new java.util.zip.GZIPOutputStream(Files.newOutputStream(input))) {
      out.write(text);
    }

    Jobs.run(Jobs.settings(input, folder.resolve("out")).withAllowedFailures(1), "gzip");

    try (var in =
        new java.util.zip.GZIPInputStream(
            Files.newInputStream(folder.resolve("out/in.jsonl.gz")))) {
      List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      assertEquals(2, lines.size());
      assertTrue(lines.get(0).startsWith("{\"prompt\":\"a\",\"output\":\"echo:<user>a\""));
      assertTrue(lines.get(1).startsWith("{ \"output\":null,"), lines.get(1));
    }
  }
}
