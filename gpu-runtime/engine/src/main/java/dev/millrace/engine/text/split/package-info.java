/**
 * Cuts text into the words that byte-pair merging works on: character classes, split patterns,
 * pre-tokenizers and normalisers of {@code tokenizer.json}. Imports nothing of ours.
 */
package dev.millrace.engine.text.split;
