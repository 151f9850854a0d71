/**
 * From logits to tokens: draws, log-probabilities, and the rules that end a choice. Knows no tensor
 * and no device.
 */
package dev.millrace.engine.sample;
