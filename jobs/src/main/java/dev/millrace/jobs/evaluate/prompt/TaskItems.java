package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.data.TaskRows;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import dev.millrace.jobs.evaluate.spec.FewShotSpec;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.spec.RequestType;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.evaluate.template.RowTemplate;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * All items of a task on one model, in the order of rows and repeats. Building them is repeatable:
 * the same spec, data and model give the same requests, so a night that is taken up again, or
 * scored later, builds them anew in place of keeping them.
 */
public final class TaskItems {
  private final TaskSpec spec;
  private final long seed;
  private final TaskRows data;
  private final RowTemplate prompt;
  private final RowTemplate preamble;
  private final RowTemplate system;
  private final RowTemplate target;
  private final RowTemplate cluster;
  private final RowTemplate exampleAnswer;
  private final Choices choices;
  private final FewShot fewShot;
  private final Windows windows;

  private TaskItems(TaskSpec spec, long seed, PromptEncoder encoder) throws RequestException {
    this.spec = spec;
    this.seed = seed;
    this.data = TaskRows.read(spec.data(), Seeds.of(seed, "sample", spec.name()));
    this.prompt = RowTemplate.compile(spec.prompt());
    this.preamble = compiled(spec.preamble());
    this.system = compiled(spec.system());
    this.target = compiled(spec.target());
    this.cluster = compiled(spec.data().cluster());
    this.choices = spec.choices() == null ? null : new Choices(spec.choices());
    FewShotSpec shots = spec.fewShot();
    this.exampleAnswer = shots == null ? null : compiled(shots.answer());
    this.fewShot =
        shots == null ? null : new FewShot(shots, pool(shots), row -> prompt.render(row.values()));
    this.windows =
        spec.request() == RequestType.PERPLEXITY
            ? new Windows(encoder, spec.windowTokens(), spec.windowContext())
            : null;
  }

  private static RowTemplate compiled(PlacedText text) {
    return text == null ? null : RowTemplate.compile(text);
  }

  private List<DataRow> pool(FewShotSpec shots) {
    return shots.data() == null
        ? data.rows()
        : TaskRows.read(shots.data(), Seeds.of(seed, "sample", spec.name(), "few-shot")).rows();
  }

  /**
   * Reads the data of a task and compiles its templates.
   *
   * @param seed of the night
   * @param encoder of the model
   * @throws dev.millrace.jobs.outcome.CommandException if anything is wrong with them
   */
  public static TaskItems open(TaskSpec spec, long seed, PromptEncoder encoder) {
    try {
      return new TaskItems(spec, seed, encoder);
    } catch (RequestException e) {
      throw spec.place().error(spec.name() + ": " + e.getMessage(), "Correct the task.", e);
    }
  }

  public int rows() {
    return data.rows().size();
  }

  public String dataFingerprint() {
    return data.fingerprint();
  }

  /** Hands over every item, rows in order, repeats of a row in order. */
  public void forEach(Consumer<Item> consumer) {
    for (DataRow row : data.rows()) {
      for (int repeat = 0; repeat < spec.repeats(); repeat++) {
        consumer.accept(item(row, repeat));
      }
    }
  }

  private Item item(DataRow row, int repeat) {
    try {
      return switch (spec.request()) {
        case GENERATE -> generate(row, repeat);
        case MULTIPLE_CHOICE -> multipleChoice(row, repeat);
        case PERPLEXITY -> perplexity(row, repeat);
      };
    } catch (RequestException | IllegalArgumentException e) {
      throw spec.place()
          .error(spec.name() + ": row " + row.id() + ": " + e.getMessage(), "Correct the task.", e);
    }
  }

  private Item generate(DataRow row, int repeat) {
    Asked asked = asked(row);
    SamplingSettings sampling = spec.sampling();
    Long drawSeed = null;
    if (!sampling.isGreedy()) {
      long base = sampling.seed() == null ? seed : sampling.seed();
      drawSeed = Seeds.of(base, spec.name(), row.id(), repeat);
      sampling = sampling.toBuilder().seed(drawSeed).build();
    }
    return item(
        row,
        repeat,
        asked,
        target == null ? null : target.render(row.values()),
        List.of(),
        List.of(),
        null,
        Map.of(),
        drawSeed,
        List.of(new ModelRequest(asked.prompt(), null, 0, sampling)));
  }

  private Item multipleChoice(DataRow row, int repeat) {
    Asked asked = asked(row);
    List<String> texts = choices.of(row);
    int right = choices.right(row, texts);
    List<String> scored = new ArrayList<>();
    List<Integer> bytes = new ArrayList<>();
    List<ModelRequest> requests = new ArrayList<>();
    SamplingSettings sampling = SamplingSettings.builder().maxTokens(1).build();
    boolean inContext = choices.haveContexts();
    for (String text : texts) {
      Asked asks = inContext ? asked(row, choices.context(row, text)) : asked;
      String said = inContext ? choices.continuation(row, text) : text;
      ModelRequest request = scoring(asks.prompt(), choices.delimiter() + said, sampling);
      scored.add((inContext ? text : "") + request.continuation());
      bytes.add(said.getBytes(StandardCharsets.UTF_8).length);
      requests.add(request);
    }
    return item(
        row, repeat, asked, texts.get(right), scored, bytes, right, Map.of(), null, requests);
  }

  /** White space at a prompt's end belongs to what follows: tokenizers join it to the next word. */
  private static ModelRequest scoring(Prompt asks, String continuation, SamplingSettings sampling) {
    if (asks instanceof Prompt.Text text) {
      String stripped = text.text().stripTrailing();
      if (!stripped.isEmpty()) {
        String moved = text.text().substring(stripped.length());
        return new ModelRequest(new Prompt.Text(stripped), moved + continuation, 0, sampling);
      }
    }
    return new ModelRequest(asks, continuation, 0, sampling);
  }

  private Item perplexity(DataRow row, int repeat) throws RequestException {
    String text = prompt.render(row.values());
    long words = text.strip().split("\\s+", -1).length;
    Map<String, Double> units =
        Map.of(
            "words",
            (double) words,
            "bytes",
            (double) text.getBytes(StandardCharsets.UTF_8).length);
    Asked asked = new Asked(text, List.of());
    return item(
        row, repeat, asked, null, List.of(), List.of(), null, units, null, windows.of(text));
  }

  private Item item(
      DataRow row,
      int repeat,
      Asked asked,
      String expected,
      List<String> scored,
      List<Integer> bytes,
      Integer right,
      Map<String, Double> units,
      Long drawSeed,
      List<ModelRequest> requests) {
    return new Item(
        row,
        repeat,
        cluster == null ? null : cluster.render(row.values()),
        asked.text(),
        asked.messages(),
        expected,
        targets(row),
        scored,
        bytes,
        right,
        units,
        drawSeed,
        requests);
  }

  private List<String> targets(DataRow row) {
    if (spec.targets() == null) {
      return List.of();
    }
    Object value = row.values().get(spec.targets().text());
    if (value instanceof List<?> list) {
      return list.stream().map(String::valueOf).toList();
    }
    throw spec.targets()
        .place()
        .error(
            "targets: expected a list in column '"
                + spec.targets().text()
                + "' of row "
                + row.id()
                + ", found none",
            "Name a column that holds a list of texts.");
  }

  /** What is asked: a text, or a chat. */
  private record Asked(String text, List<ChatMessage> messages) {
    Prompt prompt() {
      return text == null ? new Prompt.Chat(messages) : new Prompt.Text(text);
    }
  }

  private Asked asked(DataRow row) {
    return asked(row, prompt.render(row.values()));
  }

  /** What is asked, with the row's own question in these words. */
  private Asked asked(DataRow row, String own) {
    List<DataRow> examples =
        fewShot == null ? List.of() : fewShot.of(row, prompt.render(row.values()));
    boolean turns = fewShot != null && spec.fewShot().turns();
    StringBuilder text = new StringBuilder();
    if (preamble != null) {
      text.append(preamble.render(row.values()));
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system.render(row.values())));
    }
    for (DataRow example : examples) {
      String asked = exampleQuestion(example);
      String answer = answer(example);
      if (turns) {
        messages.add(new ChatMessage("user", asked));
        messages.add(new ChatMessage("assistant", answer));
      } else {
        text.append(asked)
            .append(spec.fewShot().delimiter())
            .append(answer)
            .append(spec.fewShot().separator());
      }
    }
    text.append(own);
    if (!spec.chat()) {
      return new Asked(text.toString(), List.of());
    }
    messages.add(new ChatMessage("user", text.toString()));
    return new Asked(null, messages);
  }

  private String exampleQuestion(DataRow example) {
    return choices != null && choices.haveContexts()
        ? choices.context(example, right(example))
        : prompt.render(example.values());
  }

  private String right(DataRow row) {
    List<String> texts = choices.of(row);
    return texts.get(choices.right(row, texts));
  }

  private String answer(DataRow example) {
    if (exampleAnswer != null) {
      return exampleAnswer.render(example.values());
    }
    if (choices != null) {
      String right = right(example);
      return choices.haveContexts() ? choices.continuation(example, right) : right;
    }
    if (target != null) {
      return target.render(example.values());
    }
    throw new IllegalArgumentException("examples need a 'target' or an 'answer' in few_shot");
  }
}
