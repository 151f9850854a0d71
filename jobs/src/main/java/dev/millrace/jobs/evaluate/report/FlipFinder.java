package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.report.Flip.Kind;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.inert.InertText;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Finds the rows whose value changed against the accepted night. Reads each file front to back and
 * keeps a number a row, and of the rows that are shown their shortened texts: memory is bounded by
 * the number of rows, not by what they say.
 */
final class FlipFinder {
  /** Values that differ by less are equal: sums of log-likelihoods over other batches may. */
  private static final double EQUAL_WITHIN = 1e-9;

  /** Most answers, choices or messages of a row that are shown. */
  private static final int TEXTS_MAX = 16;

  /** Equal changes in the order of the data, so that the same night gives the same page. */
  private static final Comparator<Flip> LARGEST_FIRST =
      Comparator.comparingDouble(FlipFinder::size).reversed().thenComparingLong(Flip::row);

  private final NightFolder night;
  private final NightFolder accepted;
  private final int perKindMax;
  private final int charsMax;

  /**
   * @param accepted the accepted night, or null
   * @param perKindMax most rows shown of one task and kind
   * @param charsMax longest text that is kept whole
   */
  FlipFinder(NightFolder night, NightFolder accepted, int perKindMax, int charsMax) {
    this.night = night;
    this.accepted = accepted;
    this.perKindMax = perKindMax;
    this.charsMax = charsMax;
  }

  /** Looks through one task. */
  TaskFlips find(TaskResult task) throws IOException {
    Map<String, Double> before = acceptedValues(task);
    Map<Kind, PriorityQueue<Flip>> kept = new EnumMap<>(Kind.class);
    Map<Kind, Long> counts = new EnumMap<>(Kind.class);
    try (SampleReader reader = night.samples(task)) {
      long row = 0;
      for (SampleResult sample = reader.next(); sample != null; sample = reader.next()) {
        Double was = before.get(key(sample));
        Double is = value(task, sample);
        Kind kind = kind(sample, was, is, accepted == null);
        if (kind != null) {
          counts.merge(kind, 1L, Long::sum);
          keep(kept, new Flip(row, kind, was, is, sample, null));
        }
        row++;
      }
    }
    return new TaskFlips(task, withAccepted(task, kept), counts);
  }

  private boolean hasAccepted(TaskResult task) {
    return accepted != null
        && task.baseline() != null
        && Files.isRegularFile(accepted.path().resolve(task.samplesFile()));
  }

  private Map<String, Double> acceptedValues(TaskResult task) throws IOException {
    Map<String, Double> values = new HashMap<>();
    if (hasAccepted(task)) {
      try (SampleReader reader = accepted.samples(task.samplesFile())) {
        for (SampleResult sample = reader.next(); sample != null; sample = reader.next()) {
          Double value = value(task, sample);
          if (value != null) {
            values.put(key(sample), value);
          }
        }
      }
    }
    return values;
  }

  private static Kind kind(SampleResult sample, Double was, Double is, boolean alone) {
    if (sample.failure() != null) {
      return Kind.FAILED;
    }
    if (was != null && is != null && Math.abs(is - was) > EQUAL_WITHIN) {
      return is < was ? Kind.WORSE : Kind.BETTER;
    }
    boolean judged = is != null && sample.weights().isEmpty();
    return alone && judged && is < 0.5 ? Kind.WRONG : null;
  }

  /** A row's value where up is better: per unit for perplexities, whose samples hold sums. */
  static Double value(TaskResult task, SampleResult sample) {
    Double value = sample.metrics().get(task.metric().name());
    Double weight = sample.weights().get(task.metric().name());
    if (value == null || weight == null || weight == 0) {
      return value;
    }
    return value / weight;
  }

  private static String key(SampleResult sample) {
    return sample.rowId() + "\n" + sample.repeat();
  }

  private static double size(Flip flip) {
    return flip.before() == null || flip.after() == null
        ? 0
        : Math.abs(flip.after() - flip.before());
  }

  /** Keeps the largest changes; of equal ones the first, in the order of the data. */
  private void keep(Map<Kind, PriorityQueue<Flip>> kept, Flip flip) {
    PriorityQueue<Flip> queue =
        kept.computeIfAbsent(flip.kind(), kind -> new PriorityQueue<>(LARGEST_FIRST.reversed()));
    if (queue.size() == perKindMax) {
      if (size(queue.peek()) >= size(flip)) {
        return;
      }
      queue.poll();
    }
    queue.add(
        new Flip(
            flip.row(), flip.kind(), flip.before(), flip.after(), shortened(flip.tonight()), null));
  }

  private List<Flip> withAccepted(TaskResult task, Map<Kind, PriorityQueue<Flip>> kept)
      throws IOException {
    List<Flip> flips = new ArrayList<>();
    for (PriorityQueue<Flip> queue : kept.values()) {
      List<Flip> sorted = new ArrayList<>(queue);
      sorted.sort(LARGEST_FIRST);
      flips.addAll(sorted);
    }
    Map<String, SampleResult> texts = acceptedTexts(task, flips);
    return flips.stream()
        .map(
            flip ->
                new Flip(
                    flip.row(),
                    flip.kind(),
                    flip.before(),
                    flip.after(),
                    flip.tonight(),
                    texts.get(key(flip.tonight()))))
        .toList();
  }

  private Map<String, SampleResult> acceptedTexts(TaskResult task, List<Flip> flips)
      throws IOException {
    Set<String> wanted = new HashSet<>();
    flips.forEach(flip -> wanted.add(key(flip.tonight())));
    Map<String, SampleResult> texts = new HashMap<>();
    if (hasAccepted(task) && !wanted.isEmpty()) {
      try (SampleReader reader = accepted.samples(task.samplesFile())) {
        for (SampleResult sample = reader.next(); sample != null; sample = reader.next()) {
          if (wanted.contains(key(sample))) {
            texts.put(key(sample), shortened(sample));
          }
        }
      }
    }
    return texts;
  }

  private SampleResult shortened(SampleResult sample) {
    return new SampleResult(
        sample.task(),
        shortened(sample.rowId()),
        sample.repeat(),
        sample.cluster(),
        shortened(sample.prompt()),
        messages(sample.messages()),
        texts(sample.answers()),
        texts(sample.extracted()),
        shortened(sample.target()),
        texts(sample.targets()),
        choices(sample.choices()),
        sample.targetIndex(),
        sample.chosenIndex(),
        sample.metrics(),
        sample.weights(),
        sample.seed(),
        sample.promptTokens(),
        sample.outputTokens(),
        sample.finishReasons(),
        sample.reused(),
        sample.requestKey(),
        shortened(sample.failure()));
  }

  private String shortened(String text) {
    return text == null ? null : InertText.shortened(text, charsMax);
  }

  private List<String> texts(List<String> texts) {
    List<String> all = new ArrayList<>();
    texts.stream().limit(TEXTS_MAX).forEach(text -> all.add(shortened(text)));
    return all;
  }

  /** The last messages: those that were answered. */
  private List<SampleMessage> messages(List<SampleMessage> messages) {
    return messages.subList(Math.max(0, messages.size() - TEXTS_MAX), messages.size()).stream()
        .map(message -> new SampleMessage(message.role(), shortened(message.content())))
        .toList();
  }

  private List<ChoiceScore> choices(List<ChoiceScore> choices) {
    return choices.stream()
        .limit(TEXTS_MAX)
        .map(
            c ->
                new ChoiceScore(
                    shortened(c.text()), c.logLikelihood(), c.tokens(), c.bytes(), c.greedy()))
        .toList();
  }
}
