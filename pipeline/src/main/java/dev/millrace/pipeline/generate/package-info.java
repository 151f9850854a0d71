/**
 * Requests to completions: one engine per worker shared by all its threads, kept full by several
 * batches in flight, its failures isolated to the requests that cause them; and the journals that
 * hold what a chunk's requests became.
 */
package dev.millrace.pipeline.generate;
