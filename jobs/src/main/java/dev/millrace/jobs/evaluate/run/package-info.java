/** Runs a night: requests, batch job, scores, comparison, verdict. */
package dev.millrace.jobs.evaluate.run;
