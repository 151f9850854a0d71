/**
 * Byte-pair merging of single words: vocabulary, merge table, word cache. Imports nothing of ours.
 */
package dev.millrace.engine.text.bpe;
