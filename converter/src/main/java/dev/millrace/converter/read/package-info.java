/** Reads checkpoints: safetensors files, model configuration, quantisation settings. */
package dev.millrace.converter.read;
