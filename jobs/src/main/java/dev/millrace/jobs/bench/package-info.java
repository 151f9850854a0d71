/** Runs a fixed workload through an engine and says how fast it was, and what bounds it. */
package dev.millrace.jobs.bench;
