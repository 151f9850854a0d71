/** Finds the workspace of the model a job runs; converts a checkpoint into the cache if need be. */
package dev.millrace.jobs.model;
