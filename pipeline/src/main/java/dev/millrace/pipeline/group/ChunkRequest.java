package dev.millrace.pipeline.group;

/**
 * One request of a chunk.
 *
 * @param slot its index in the chunk
 * @param id the id of the first row that asks for it
 * @param tokens its prompt
 * @param sampling its settings as JSON, or null for those of the job
 * @param continuation text to score, or null
 */
@SuppressWarnings("ArrayRecordComponent")
public record ChunkRequest(
    int slot, String id, int[] tokens, String sampling, String continuation) {}
