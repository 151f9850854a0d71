package dev.millrace.api.engine;

/**
 * Memory of one purpose on one rank.
 *
 * @param purpose for example {@code weights}, {@code kv-cache}, {@code activations}
 * @param plannedBytes from the plan, before anything was taken
 * @param usedBytes taken; equal to the plan, or 0 in a plan that was not opened
 */
public record MemoryEntry(String purpose, long plannedBytes, long usedBytes) {}
