/** Rows to requests: prompts, examples, choices, windows. The same rows give the same requests. */
package dev.millrace.jobs.evaluate.prompt;
