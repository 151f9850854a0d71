package dev.millrace.engine;

/**
 * One step and when its parts happened, in {@link System#nanoTime}. A step that was planned ahead
 * is submitted before the result of the one before it is in.
 *
 * @param tokens computed in the step
 * @param sequences in the step; as many as tokens where it only decoded
 * @param draws tokens drawn or scored
 * @param planNanos when the scheduler began to plan it
 * @param submitNanos when the plan went to the ranks
 * @param resultNanos when its result was there
 * @param commitNanos when the scheduler had taken the result
 */
public record StepTimes(
    int tokens,
    int sequences,
    int draws,
    long planNanos,
    long submitNanos,
    long resultNanos,
    long commitNanos) {}
