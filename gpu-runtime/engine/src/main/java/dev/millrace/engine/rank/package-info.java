/**
 * Ranks: one platform thread each, the same code on every one. They get work from a {@link
 * dev.millrace.engine.rank.RankGroup} and exchange tensors through a {@link
 * dev.millrace.engine.rank.Collective}. Every wait has a deadline, and the first rank that fails
 * releases all others with its own error.
 */
package dev.millrace.engine.rank;
