/** What a job says about itself when it is planned and when it is done, as text and as JSON. */
package dev.millrace.jobs.report;
