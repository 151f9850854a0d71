package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.result.ChoiceScore;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * What a metric sees of one sample that did not fail.
 *
 * @param row columns of its row
 * @param prompt plain prompt, or the last user turn of a chat
 * @param answers what the model said
 * @param extracted what was found in each answer; null entries where nothing was
 * @param target expected answer, or null
 * @param targets further accepted ones
 * @param choices scored choices of multiple choice, else empty
 * @param targetIndex the right one, or null
 * @param logLikelihood summed over the text, for perplexity
 * @param units of the text: {@code words}, {@code bytes}, {@code tokens}
 */
public record JudgedSample(
    Map<String, Object> row,
    String prompt,
    List<String> answers,
    List<String> extracted,
    String target,
    List<String> targets,
    List<ChoiceScore> choices,
    Integer targetIndex,
    double logLikelihood,
    Map<String, Double> units) {
  public JudgedSample {
    answers = List.copyOf(answers);
    extracted = Collections.unmodifiableList(new ArrayList<>(extracted));
    targets = List.copyOf(targets);
    choices = List.copyOf(choices);
    units = Map.copyOf(units);
  }

  /** All accepted answers. */
  public List<String> accepted() {
    List<String> all = new ArrayList<>();
    if (target != null) {
      all.add(target);
    }
    all.addAll(targets);
    return all;
  }
}
