/**
 * Engines in a process of their own: one per worker and model, found by every class loader and job
 * of the worker, spoken to in Arrow IPC over a Unix domain socket that only its user can open. It
 * dies with its worker, and a crash in it is an engine that failed, nothing more.
 */
package dev.millrace.pipeline.host;
