/** Matrix products through cuBLASLt, with algorithms chosen by timing and kept on disk. */
package dev.millrace.cuda.matmul;
