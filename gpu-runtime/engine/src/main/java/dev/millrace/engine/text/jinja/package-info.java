/**
 * A sandboxed subset of Jinja, the language of chat templates: lexer, parser, and the template that
 * parsing makes. Templates see data alone, run in bounds, and never evaluate what a user wrote.
 * What is not supported fails when the template is compiled, with its line and column.
 */
package dev.millrace.engine.text.jinja;
