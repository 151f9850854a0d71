/**
 * Errors, intervals, paired comparisons and what they can detect; numbers alone, imports nothing of
 * ours. {@code docs/evaluation.md} says why these methods and not others.
 */
package dev.millrace.jobs.evaluate.statistics;
