/**
 * Judges answers. {@link dev.millrace.jobs.evaluate.metric.UserMetric} is what a user's own metric
 * implements; the others are built in.
 */
package dev.millrace.jobs.evaluate.metric;
