/**
 * What a row asks of an engine, and what comes back: requests, sampling settings, completions,
 * failures.
 */
package dev.millrace.api.request;
