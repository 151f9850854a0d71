/**
 * What a night of evaluation leaves behind, as records and as files: the boundary between the part
 * that computes and judges and the parts that report. Imports nothing of ours.
 */
package dev.millrace.jobs.evaluate.result;
