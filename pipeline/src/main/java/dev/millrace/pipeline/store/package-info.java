/**
 * The work folder inside the output folder: its layout, its lock, files that appear whole or not at
 * all, and the description of a job that decides whether work can be resumed.
 */
package dev.millrace.pipeline.store;
