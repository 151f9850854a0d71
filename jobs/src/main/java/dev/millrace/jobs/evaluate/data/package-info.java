/** Rows to evaluate: read from files of any format, named, given computed columns, chosen. */
package dev.millrace.jobs.evaluate.data;
