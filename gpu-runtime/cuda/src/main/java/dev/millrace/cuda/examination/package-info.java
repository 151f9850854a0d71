/** Looks at a machine's GPUs and CUDA libraries, tries them, and says what to do. */
package dev.millrace.cuda.examination;
