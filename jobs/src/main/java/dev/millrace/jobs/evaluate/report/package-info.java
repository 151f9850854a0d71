/**
 * What people and their tools read of a night: the page, and the same results as lm-evaluation-
 * harness files, Parquet, JUnit XML and CSV. Reads a night's folder, adds files to it, judges
 * nothing.
 */
package dev.millrace.jobs.evaluate.report;
