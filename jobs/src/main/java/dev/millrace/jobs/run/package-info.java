/** The composition root: turns a spec into a pipeline over an engine, and runs it. */
package dev.millrace.jobs.run;
