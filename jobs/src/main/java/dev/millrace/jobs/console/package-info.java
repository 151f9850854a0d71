/**
 * Where a command prints: streams, terminal, environment. The only package with standard streams.
 */
package dev.millrace.jobs.console;
