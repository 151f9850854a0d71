package dev.millrace.jobs.evaluate.result;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * One repeat of one row of one task: what was asked, what came back, how it was judged. Texts are
 * as the data and the model had them: hostile until a writer has made them inert.
 *
 * @param task the task's name
 * @param rowId the row's id, stable over nights
 * @param repeat from 0
 * @param cluster what the row shares with others (a passage, a subject), or null
 * @param prompt the rendered prompt, or null for a chat
 * @param messages the chat, or empty for a plain prompt
 * @param answers the generated answers; {@code n} of them for pass@k, empty if it failed or if
 *     nothing is generated
 * @param extracted what was extracted of each answer, in their order; an entry is null where the
 *     extraction found nothing
 * @param target the expected answer as text; for multiple choice that of the right choice
 * @param targets further accepted answers
 * @param choices for multiple choice, one entry a choice, else empty
 * @param targetIndex the right choice, or null
 * @param chosenIndex the choice with the best score under the task's metric, or null
 * @param metrics value of each metric for this sample; a perplexity's is the summed log-likelihood
 * @param weights for perplexities the number of units (tokens, words, bytes) by metric, else empty
 * @param seed seed of the draws, or null
 * @param promptTokens tokens of the prompt, over all requests of this sample
 * @param outputTokens generated tokens
 * @param finishReasons of each answer
 * @param reused whether the answer came from the cache of an earlier night
 * @param requestKey names model and request: equal keys ask the same of the same model
 * @param failure why there is no answer (reason and message), or null
 */
public record SampleResult(
    String task,
    String rowId,
    int repeat,
    String cluster,
    String prompt,
    List<SampleMessage> messages,
    List<String> answers,
    List<String> extracted,
    String target,
    List<String> targets,
    List<ChoiceScore> choices,
    Integer targetIndex,
    Integer chosenIndex,
    Map<String, Double> metrics,
    Map<String, Double> weights,
    Long seed,
    int promptTokens,
    int outputTokens,
    List<String> finishReasons,
    boolean reused,
    String requestKey,
    String failure) {
  public SampleResult {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(rowId, "rowId");
    messages = List.copyOf(messages);
    answers = List.copyOf(answers);
    extracted = java.util.Collections.unmodifiableList(new java.util.ArrayList<>(extracted));
    targets = List.copyOf(targets);
    choices = List.copyOf(choices);
    metrics = java.util.Collections.unmodifiableMap(new TreeMap<>(metrics));
    weights = java.util.Collections.unmodifiableMap(new TreeMap<>(weights));
    finishReasons = List.copyOf(finishReasons);
  }
}
