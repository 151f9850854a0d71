package dev.millrace.jobs.evaluate.result;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * One choice of a multiple-choice row, scored after the prompt.
 *
 * @param text the continuation that was scored, its leading space included; where the choice stands
 *     in the question, choice and continuation
 * @param logLikelihood sum of the log-probabilities of its tokens, natural logarithm
 * @param tokens their number: {@code logLikelihood / tokens} is the length-normalised score
 * @param bytes UTF-8 bytes of the choice without the delimiter before it (of the continuation,
 *     where the choice stands in the question): {@code logLikelihood / bytes} is the
 *     byte-normalised score
 * @param greedy whether greedy decoding would say exactly this
 */
public record ChoiceScore(
    String text, double logLikelihood, int tokens, int bytes, boolean greedy) {
  public ChoiceScore {
    Objects.requireNonNull(text, "text");
  }

  /** Unicode characters of the choice without the delimiter before it. */
  @JsonIgnore
  public int characters() {
    byte[] all = text.getBytes(StandardCharsets.UTF_8);
    int from = Math.max(0, all.length - bytes);
    String choice = new String(all, from, all.length - from, StandardCharsets.UTF_8);
    return choice.codePointCount(0, choice.length());
  }
}
