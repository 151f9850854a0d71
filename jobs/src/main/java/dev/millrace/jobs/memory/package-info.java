/** What devices say of their memory while a job runs, and whether it all comes back. */
package dev.millrace.jobs.memory;
