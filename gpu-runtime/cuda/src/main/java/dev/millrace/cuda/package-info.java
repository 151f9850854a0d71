/**
 * The backend for NVIDIA GPUs: {@link dev.millrace.engine.compute.Backend} over the CUDA driver,
 * NVRTC and cuBLASLt, and its own exchange between ranks. The only module that names a CUDA
 * library.
 */
package dev.millrace.cuda;
