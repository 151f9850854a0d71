package dev.millrace.jobs.evaluate.schedule;

import java.util.Map;

/**
 * Files that start an evaluation, and what to do with them.
 *
 * @param files content by file name, in the order to read them
 * @param next what the user does next, one line
 */
public record Units(Map<String, String> files, String next) {}
