/** Text that came from data, made harmless for where it is shown. */
package dev.millrace.jobs.inert;
