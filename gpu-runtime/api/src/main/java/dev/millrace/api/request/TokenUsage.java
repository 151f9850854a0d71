package dev.millrace.api.request;

/**
 * Tokens of one request.
 *
 * @param promptTokens tokens of the prompt
 * @param cachedTokens those of them whose keys and values came from the prefix cache
 * @param outputTokens generated tokens over all choices, end tokens included; 0 for scoring
 */
public record TokenUsage(int promptTokens, int cachedTokens, int outputTokens) {}
