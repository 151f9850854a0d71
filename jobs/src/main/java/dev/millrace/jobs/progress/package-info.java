/** What a job says about itself while it runs. */
package dev.millrace.jobs.progress;
