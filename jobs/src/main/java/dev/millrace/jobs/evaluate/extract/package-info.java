/** Finds the answer in what a model said. */
package dev.millrace.jobs.evaluate.extract;
