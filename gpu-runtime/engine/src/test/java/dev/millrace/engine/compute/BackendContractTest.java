package dev.millrace.engine.compute;

/**
 * What every backend must do: each verb over awkward sizes against the same arithmetic in float64,
 * memory to the byte, and results that do not depend on the batch. A backend's test supplies its
 * factory and nothing else. {@code -Dtests.seed=N} changes the numbers.
 */
public abstract class BackendContractTest
    implements MemoryContract,
        MatrixContract,
        RowContract,
        AttentionContract,
        BatchInvarianceContract {}
