/** Templates and patterns of a spec, compiled with their place and run in bounds. */
package dev.millrace.jobs.evaluate.template;
