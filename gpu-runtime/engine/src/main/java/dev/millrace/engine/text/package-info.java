/**
 * Prompts to token ids and back: tokenizer, chat template, streaming detokenisation. Own
 * implementations, because special tokens must be parsed out of the template and never out of what
 * a user wrote, and because no native library may tie the engine to one class loader.
 */
package dev.millrace.engine.text;
