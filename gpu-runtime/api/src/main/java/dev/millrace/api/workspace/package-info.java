/**
 * The workspace format: manifest, tensor entries, rank layout, reader and writer. {@link
 * dev.millrace.api.workspace.WorkspaceWriter} specifies the files, {@link
 * dev.millrace.api.workspace.Workspace} reads them.
 */
package dev.millrace.api.workspace;
