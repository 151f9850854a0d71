/**
 * What a user may ask of a job: one table of options, read from flags, {@code --set} and job specs.
 */
package dev.millrace.jobs.spec;
