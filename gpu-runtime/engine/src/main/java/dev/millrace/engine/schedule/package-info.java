/**
 * Packs sequences into steps: who runs, which tokens, which KV blocks. Integers only: knows no
 * tensor, no device, no text.
 */
package dev.millrace.engine.schedule;
