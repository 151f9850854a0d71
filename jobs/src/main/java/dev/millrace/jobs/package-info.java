/** The command line and the composition root: the one place that names concrete engines. */
package dev.millrace.jobs;
