/** How a command ends: exit codes, and failures that say what to do. */
package dev.millrace.jobs.outcome;
