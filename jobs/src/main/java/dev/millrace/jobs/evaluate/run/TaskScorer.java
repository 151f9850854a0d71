package dev.millrace.jobs.evaluate.run;

import dev.millrace.api.request.ChatMessage;
import dev.millrace.jobs.evaluate.extract.Extractor;
import dev.millrace.jobs.evaluate.metric.ChoiceMetric;
import dev.millrace.jobs.evaluate.metric.JudgedSample;
import dev.millrace.jobs.evaluate.metric.Metric;
import dev.millrace.jobs.evaluate.metric.Metric.Aggregation;
import dev.millrace.jobs.evaluate.metric.Metric.Figure;
import dev.millrace.jobs.evaluate.prompt.Item;
import dev.millrace.jobs.evaluate.request.Answer;
import dev.millrace.jobs.evaluate.request.AnswerStore;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.SampleWriter;
import dev.millrace.jobs.evaluate.spec.RequestType;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.evaluate.template.BoundedPattern.StepsExceededException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Judges the items of one task, one after the other, and writes its samples. */
final class TaskScorer {
  private final TaskSpec spec;
  private final String engineFingerprint;
  private final AnswerStore store;
  private final List<Metric> metrics;
  private final Extractor extractor;
  private final SampleWriter writer;
  private final List<FigureScores> figures = new ArrayList<>();
  private final Set<String> flakyRows = new HashSet<>();
  private boolean anyCompared;
  private long samples;
  private long failures;
  private long promptTokens;
  private long outputTokens;

  TaskScorer(
      TaskSpec spec,
      String engineFingerprint,
      AnswerStore store,
      List<Metric> metrics,
      SampleWriter writer) {
    this.spec = spec;
    this.engineFingerprint = engineFingerprint;
    this.store = store;
    this.metrics = metrics;
    this.extractor = Extractor.of(spec.extract());
    this.writer = writer;
    metrics.forEach(m -> m.figures().forEach(figure -> figures.add(new FigureScores(figure))));
  }

  void score(Item item) throws IOException {
    List<Answer> answers = new ArrayList<>();
    List<String> keys = new ArrayList<>();
    boolean reused = !item.requests().isEmpty();
    for (ModelRequest request : item.requests()) {
      String key = request.key(engineFingerprint);
      keys.add(key);
      answers.add(store.answer(key));
      reused &= !store.isOfTonight(key);
      Boolean flaky = store.isFlaky(key);
      anyCompared |= flaky != null;
      if (Boolean.TRUE.equals(flaky)) {
        flakyRows.add(item.row().id());
      }
    }
    SampleResult sample = judged(item, answers, keys, reused);
    writer.write(sample);
    samples++;
    failures += sample.failure() == null ? 0 : 1;
    promptTokens += sample.promptTokens();
    outputTokens += sample.outputTokens();
    count(item, sample);
  }

  private void count(Item item, SampleResult sample) {
    String identity = SampleIdentity.of(sample);
    for (FigureScores scores : figures) {
      Figure figure = scores.figure();
      Double value = sample.metrics().get(figure.name());
      double weight = sample.weights().getOrDefault(figure.name(), 1.0);
      if (value != null && weight > 0) {
        scores.add(item.row().id(), item.cluster(), identity, value, weight);
      }
    }
  }

  private SampleResult judged(Item item, List<Answer> answers, List<String> keys, boolean reused) {
    String failure =
        answers.stream().filter(Answer::isFailed).map(Answer::failure).findFirst().orElse(null);
    List<String> texts = answers.stream().flatMap(answer -> answer.texts().stream()).toList();
    List<String> extracted = new ArrayList<>();
    Map<String, Double> values = new HashMap<>();
    Map<String, Double> weights = new HashMap<>();
    List<ChoiceScore> choices = failure == null ? choices(item, answers) : List.of();
    if (failure == null) {
      try {
        texts.forEach(text -> extracted.add(extractor.extract(text)));
      } catch (StepsExceededException e) {
        extracted.clear();
        texts.forEach(text -> extracted.add(null));
      }
      JudgedSample judged = judgedSample(item, answers, texts, extracted, choices);
      for (Metric metric : metrics) {
        Metric.Values judgement = metric.judge(judged);
        values.putAll(judgement.values());
        weights.putAll(judgement.weights());
      }
    } else {
      failedFigures().forEach(name -> values.put(name, 0.0));
      metrics.forEach(metric -> weights.putAll(metric.weights(item.row().values())));
    }
    return new SampleResult(
        spec.name(),
        item.row().id(),
        item.repeat(),
        item.cluster(),
        item.prompt(),
        item.messages().stream().map(m -> new SampleMessage(m.role(), m.content())).toList(),
        texts,
        extracted,
        item.target(),
        item.targets(),
        choices,
        item.targetIndex(),
        choices.isEmpty() ? null : (Integer) chosen(choices),
        values,
        weights,
        item.seed(),
        answers.stream().mapToInt(Answer::promptTokens).sum(),
        answers.stream().mapToInt(Answer::outputTokens).sum(),
        answers.stream().flatMap(answer -> answer.finishReasons().stream()).toList(),
        reused,
        SampleIdentity.joined(keys),
        failure);
  }

  /** A sample that failed counts as wrong; it has no log-likelihood that could be added up. */
  private List<String> failedFigures() {
    return figures.stream()
        .map(FigureScores::figure)
        .filter(figure -> figure.aggregation() == Aggregation.MEAN)
        .map(Figure::name)
        .toList();
  }

  private int chosen(List<ChoiceScore> choices) {
    for (Metric metric : metrics) {
      if (metric instanceof ChoiceMetric choice) {
        return choice.best(choices);
      }
    }
    return ChoiceMetric.ACC.best(choices);
  }

  private List<ChoiceScore> choices(Item item, List<Answer> answers) {
    if (spec.request() != RequestType.MULTIPLE_CHOICE) {
      return List.of();
    }
    List<ChoiceScore> choices = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      Answer answer = answers.get(i);
      choices.add(
          new ChoiceScore(
              item.choices().get(i),
              answer.logprob(),
              answer.scoredTokens(),
              item.choiceBytes().get(i),
              Boolean.TRUE.equals(answer.greedy())));
    }
    return choices;
  }

  private JudgedSample judgedSample(
      Item item,
      List<Answer> answers,
      List<String> texts,
      List<String> extracted,
      List<ChoiceScore> choices) {
    Map<String, Double> units = new HashMap<>(item.units());
    double logLikelihood = 0;
    if (spec.request() == RequestType.PERPLEXITY) {
      double tokens = 0;
      for (Answer answer : answers) {
        logLikelihood += answer.logprob();
        tokens += answer.scoredTokens();
      }
      units.put("tokens", tokens);
    }
    List<ChatMessage> messages = item.messages();
    return new JudgedSample(
        item.row().values(),
        messages.isEmpty() ? item.prompt() : messages.get(messages.size() - 1).content(),
        texts,
        extracted,
        item.target(),
        item.targets(),
        choices,
        item.targetIndex(),
        logLikelihood,
        units);
  }

  ScoredTask result(String suite, String model, int rows, String fingerprint, String samplesFile) {
    return new ScoredTask(
        suite,
        spec,
        model,
        List.copyOf(figures),
        rows,
        samples,
        failures,
        anyCompared ? (Long) (long) flakyRows.size() : null,
        promptTokens,
        outputTokens,
        fingerprint,
        samplesFile);
  }
}
