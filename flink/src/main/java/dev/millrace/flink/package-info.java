/** The few things on a worker that need Flink's own classes. */
package dev.millrace.flink;
