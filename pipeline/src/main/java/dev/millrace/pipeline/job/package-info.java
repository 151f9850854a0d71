/**
 * The vocabulary of a batch job: what it is asked to do, what it reports while it works, what it
 * hands back and how it fails. Imports no other package of the pipeline.
 */
package dev.millrace.pipeline.job;
