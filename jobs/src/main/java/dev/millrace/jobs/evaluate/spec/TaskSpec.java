package dev.millrace.jobs.evaluate.spec;

import dev.millrace.api.request.SamplingSettings;
import java.util.List;
import java.util.Objects;

/**
 * One task: rows, what is asked about each, and how the answers are judged.
 *
 * @param name unique in its suite
 * @param tags of suite and task
 * @param provenance who made the data, or null
 * @param license its terms, or null
 * @param data the rows
 * @param request what is asked
 * @param chat render through the model's chat template
 * @param system system turn of a chat, or null
 * @param preamble template of what stands once before examples and prompt, or null
 * @param prompt template of the prompt; of the text for perplexity
 * @param fewShot examples, or null
 * @param target template of the expected answer, or null where none is needed
 * @param targets column with further accepted answers, or null
 * @param choices for multiple choice, else null
 * @param sampling of generated answers
 * @param repeats answers per row, each with a seed of its own
 * @param windowTokens tokens of a perplexity window; 0 takes the model's context
 * @param windowContext tokens of context before the scored part of a window, at least 1
 * @param extract ways to find the answer, tried in order; empty takes the whole text
 * @param metrics the first one is compared and gated
 * @param gate rules
 * @param allowedFailures share of samples that may fail before the task fails
 * @param place for errors
 */
public record TaskSpec(
    String name,
    List<String> tags,
    String provenance,
    String license,
    DataSpec data,
    RequestType request,
    boolean chat,
    PlacedText system,
    PlacedText preamble,
    PlacedText prompt,
    FewShotSpec fewShot,
    PlacedText target,
    PlacedText targets,
    ChoicesSpec choices,
    SamplingSettings sampling,
    int repeats,
    int windowTokens,
    int windowContext,
    List<ExtractSpec> extract,
    List<MetricSpec> metrics,
    List<PlacedText> gate,
    double allowedFailures,
    Place place) {
  public TaskSpec {
    Objects.requireNonNull(name, "name");
    tags = List.copyOf(tags);
    Objects.requireNonNull(data, "data");
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(sampling, "sampling");
    extract = List.copyOf(extract);
    metrics = List.copyOf(metrics);
    gate = List.copyOf(gate);
  }
}
