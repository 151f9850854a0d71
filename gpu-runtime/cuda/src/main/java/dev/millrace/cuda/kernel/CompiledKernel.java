package dev.millrace.cuda.kernel;

/**
 * Machine code of a kernel file.
 *
 * @param cubin what the driver loads
 * @param log what the compiler said: registers, shared memory, spills
 */
@SuppressWarnings("ArrayRecordComponent")
record CompiledKernel(byte[] cubin, String log) {}
