/** Rules that decide whether a task passes, over the figures that the statistics give. */
package dev.millrace.jobs.evaluate.gate;
