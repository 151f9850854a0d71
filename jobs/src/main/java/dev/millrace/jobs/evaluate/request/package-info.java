/**
 * What is asked of a model and what it answered, the same whichever task asks: keys, the answers
 * that are kept over nights, the files of the batch job between.
 */
package dev.millrace.jobs.evaluate.request;
