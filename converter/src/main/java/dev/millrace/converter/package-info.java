/** Makes workspaces of checkpoints, on the CPU alone, in bounded heap. */
package dev.millrace.converter;
