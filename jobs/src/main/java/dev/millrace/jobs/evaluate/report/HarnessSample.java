package dev.millrace.jobs.evaluate.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.store.JobDescription;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;

/**
 * One sample as lm-evaluation-harness logs it: {@code doc_id} (place in the data, from 0), {@code
 * doc}, {@code target}, {@code arguments} (one {@code gen_args_N} a request), {@code resps} and
 * {@code filtered_resps} (numbers as text, as it writes them), {@code filter}, {@code metrics} and
 * the value of each, {@code doc_hash}, {@code prompt_hash}, {@code target_hash}. Repeats of a row
 * are lines of their own with the same {@code doc_id}. The data's other columns are not here:
 * {@code doc} holds the row's id.
 */
final class HarnessSample {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final TaskResult task;
  private final MessageDigest all = JobDescription.sha256();
  private String lastRow;
  private long docId = -1;

  HarnessSample(TaskResult task) {
    this.task = task;
  }

  static String outputType(TaskResult task) {
    return switch (task.requestType()) {
      case "generate" -> "generate_until";
      case "perplexity" -> "loglikelihood_rolling";
      default -> task.requestType();
    };
  }

  /** The next sample, in the order of the samples file. */
  ObjectNode json(SampleResult sample) {
    if (!sample.rowId().equals(lastRow)) {
      lastRow = sample.rowId();
      docId++;
    }
    String prompt = prompt(sample);
    String target =
        sample.targetIndex() != null
            ? sample.targetIndex().toString()
            : sample.target() == null ? "" : sample.target();
    ObjectNode doc = MAPPER.createObjectNode().put("row_id", sample.rowId());
    if (sample.cluster() != null) {
      doc.put("cluster", sample.cluster());
    }
    if (sample.target() != null) {
      doc.put("answer", sample.target());
    }
    ObjectNode root = MAPPER.createObjectNode();
    root.put("doc_id", docId);
    root.set("doc", doc);
    root.put("target", target);
    root.set("arguments", arguments(sample, prompt));
    responses(root, sample);
    root.put("filter", "none");
    ArrayNode names = root.putArray("metrics");
    sample.metrics().keySet().forEach(names::add);
    String docHash = hash(doc.toString());
    String promptHash = hash(prompt);
    String targetHash = hash(target);
    root.put("doc_hash", docHash);
    root.put("prompt_hash", promptHash);
    root.put("target_hash", targetHash);
    values(root, sample);
    root.put("repeat", sample.repeat());
    if (sample.failure() != null) {
      root.put("failure", sample.failure());
    }
    all.update((docHash + promptHash + targetHash).getBytes(StandardCharsets.UTF_8));
    return root;
  }

  /** A chat is its messages as JSON, as the harness passes it to models behind an API. */
  private static String prompt(SampleResult sample) {
    if (sample.messages().isEmpty()) {
      return sample.prompt() == null ? "" : sample.prompt();
    }
    ArrayNode messages = MAPPER.createArrayNode();
    for (SampleMessage message : sample.messages()) {
      messages.addObject().put("role", message.role()).put("content", message.content());
    }
    return messages.toString();
  }

  private ObjectNode arguments(SampleResult sample, String prompt) {
    ObjectNode arguments = MAPPER.createObjectNode();
    if (sample.choices().isEmpty()) {
      ObjectNode only = arguments.putObject("gen_args_0").put("arg_0", prompt);
      if (task.requestType().equals("generate")) {
        only.putObject("arg_1");
      }
    }
    for (int i = 0; i < sample.choices().size(); i++) {
      arguments
          .putObject("gen_args_" + i)
          .put("arg_0", prompt)
          .put("arg_1", sample.choices().get(i).text());
    }
    return arguments;
  }

  private void responses(ObjectNode root, SampleResult sample) {
    ArrayNode raw = root.putArray("resps");
    ArrayNode filtered = root.putArray("filtered_resps");
    if (!sample.choices().isEmpty()) {
      for (ChoiceScore choice : sample.choices()) {
        String logLikelihood = Double.toString(choice.logLikelihood());
        String greedy = choice.greedy() ? "True" : "False";
        raw.addArray().addArray().add(logLikelihood).add(greedy);
        filtered.addArray().add(logLikelihood).add(greedy);
      }
    } else if (task.requestType().equals("generate")) {
      ArrayNode answers = raw.addArray();
      sample.answers().forEach(answers::add);
      sample.extracted().forEach(text -> filtered.add(text == null ? "[invalid]" : text));
    } else {
      Double sum = sample.metrics().get(task.metric().name());
      String text = sum == null ? "" : sum.toString();
      raw.addArray().add(text);
      filtered.add(text);
    }
  }

  /** A value with a weight is the pair of both, as the harness keeps its perplexities. */
  private static void values(ObjectNode root, SampleResult sample) {
    for (Map.Entry<String, Double> metric : sample.metrics().entrySet()) {
      Double weight = sample.weights().get(metric.getKey());
      if (weight == null) {
        root.put(metric.getKey(), metric.getValue());
      } else {
        root.putArray(metric.getKey()).add(metric.getValue()).add(weight);
      }
    }
  }

  static String hash(String text) {
    return HexFormat.of()
        .formatHex(JobDescription.sha256().digest(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** The digest of all samples so far; ask once, at the end. */
  String digest() {
    return HexFormat.of().formatHex(all.digest());
  }
}
