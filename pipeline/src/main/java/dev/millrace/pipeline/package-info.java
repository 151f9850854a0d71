/**
 * Rows in, rows out: reads, stages, generates and assembles on Beam; knows engines by their
 * interface alone.
 */
package dev.millrace.pipeline;
