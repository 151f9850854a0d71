/** What a night is to evaluate: the spec file, read strictly, every error with its place. */
package dev.millrace.jobs.evaluate.spec;
