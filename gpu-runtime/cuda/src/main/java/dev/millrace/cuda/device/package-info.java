/** The CUDA driver in our own terms: devices, memory, streams, events, recorded graphs. */
package dev.millrace.cuda.device;
