/** Puts weights into the order and the tiles of a workspace. */
package dev.millrace.converter.write;
