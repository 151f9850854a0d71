/**
 * Completions back to rows: reads each input file again, puts the answers beside its rows in input
 * order, and commits the output file. Columns of the input keep their types and bytes where output
 * and input have the same format.
 */
package dev.millrace.pipeline.write;
