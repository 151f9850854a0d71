package dev.millrace.pipeline.job;

/**
 * Where a job stands; all counts are of the whole job, work resumed from an earlier run included.
 *
 * @param stage what it is at
 * @param rowsTotal rows of the stage, or -1 while they are not known (during {@code STAGE}). In
 *     {@code GENERATE} these are the distinct requests: duplicates are computed once
 * @param rowsDone rows that passed the stage, failed ones included
 * @param rowsResumed those of them that an earlier run had finished
 * @param rowsFailed rows with a failure so far
 * @param promptTokens prompt tokens of the rows done
 * @param cachedTokens those served from the prefix cache
 * @param outputTokens tokens generated
 * @param chunksTotal chunks of {@code GENERATE}, 0 before it
 * @param chunksDone chunks committed
 * @param stageSeconds time since the stage began
 */
public record JobProgress(
    JobStage stage,
    long rowsTotal,
    long rowsDone,
    long rowsResumed,
    long rowsFailed,
    long promptTokens,
    long cachedTokens,
    long outputTokens,
    int chunksTotal,
    int chunksDone,
    double stageSeconds) {}
