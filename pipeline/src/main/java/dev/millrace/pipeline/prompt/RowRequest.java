package dev.millrace.pipeline.prompt;

import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;

/**
 * What one row asks for.
 *
 * @param id the row's id
 * @param prompt what to continue
 * @param continuation text to score after the prompt, or null to generate
 * @param sampling how to draw
 */
public record RowRequest(
    String id, Prompt prompt, String continuation, SamplingSettings sampling) {}
