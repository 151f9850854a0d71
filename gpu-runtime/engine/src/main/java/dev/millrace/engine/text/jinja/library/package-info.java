/** Filters, tests, methods and global functions that templates can use. */
package dev.millrace.engine.text.jinja.library;
