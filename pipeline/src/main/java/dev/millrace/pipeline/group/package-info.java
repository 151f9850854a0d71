/**
 * The stage: every row rendered and tokenised, equal requests merged, requests ordered by shared
 * prefix and expected length, cut into chunks and committed. Memory does not grow with the rows:
 * sorting spills to files.
 */
package dev.millrace.pipeline.group;
