package dev.millrace.engine;

/**
 * One step and when its parts happened, in {@link System#nanoTime}.
 *
 * @param tokens computed in the step
 * @param sequences in the step; as many as tokens where it only decoded
 * @param draws tokens drawn or scored
 * @param planStartNanos when the scheduler began to plan it
 * @param executeStartNanos when the plan went to the ranks
 * @param executeEndNanos when its result was there
 * @param commitEndNanos when the scheduler had taken the result
 */
public record StepTimes(
    int tokens,
    int sequences,
    int draws,
    long planStartNanos,
    long executeStartNanos,
    long executeEndNanos,
    long commitEndNanos) {}
