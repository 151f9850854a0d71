/** Kernels from source to launch: libraries found, compiled by NVRTC, cached, loaded, launched. */
package dev.millrace.cuda.kernel;
