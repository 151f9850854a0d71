package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.spec.TaskSpec;
import java.util.List;

/**
 * A task of one model with its samples written, not yet compared.
 *
 * @param suite that holds it
 * @param spec the task
 * @param model name of the model
 * @param figures the first one is compared and gated
 * @param rows of the data
 * @param samples rows times repeats
 * @param failures samples without an answer
 * @param flakyRows or null
 * @param promptTokens of all samples
 * @param outputTokens of all samples
 * @param dataFingerprint of the rows
 * @param samplesFile relative to the night's folder
 */
record ScoredTask(
    String suite,
    TaskSpec spec,
    String model,
    List<FigureScores> figures,
    long rows,
    long samples,
    long failures,
    Long flakyRows,
    long promptTokens,
    long outputTokens,
    String dataFingerprint,
    String samplesFile) {}
