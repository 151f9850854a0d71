/**
 * The boundary between a pipeline and an inference engine: open an engine, hand it requests, get
 * completions.
 */
package dev.millrace.api.engine;
