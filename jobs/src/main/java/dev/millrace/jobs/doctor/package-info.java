/** Looks at this machine and says what is missing for a job, and what to do about it. */
package dev.millrace.jobs.doctor;
