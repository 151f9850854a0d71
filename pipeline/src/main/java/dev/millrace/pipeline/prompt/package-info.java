/**
 * Rows to requests: finds the column that holds the prompt, builds the prompt and the sampling
 * settings of each row. What is wrong with a row becomes a failure with a reason.
 */
package dev.millrace.pipeline.prompt;
