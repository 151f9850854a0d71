/**
 * Flink clusters as a submitting client sees them: addresses, jobs over the REST interface, and
 * what Beam's Flink runner is told. Needs no class of Flink's.
 */
package dev.millrace.pipeline.flink;
