/**
 * The engine: requests in, completions out. Wires tokenizer, scheduler, executor and stop rules
 * into one loop.
 */
package dev.millrace.engine;
