package dev.millrace.jobs.report;

/**
 * How long a job will take.
 *
 * @param expectedSeconds if answers are as long as they were where this was measured
 * @param longestSeconds if every answer takes all its tokens
 * @param basis where the rate comes from, one sentence
 */
public record TimeForecast(double expectedSeconds, double longestSeconds, String basis) {}
