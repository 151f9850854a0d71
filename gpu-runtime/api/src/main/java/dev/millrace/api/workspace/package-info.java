/** The workspace format: manifest, tensor entries, rank layout, reader and writer. */
package dev.millrace.api.workspace;
