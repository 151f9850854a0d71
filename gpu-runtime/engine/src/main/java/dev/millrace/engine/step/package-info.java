/**
 * The vocabulary of one model step, shared by the scheduler (which writes plans) and the ranks
 * (which carry them out). Imports nothing of ours, knows no tensor and no device.
 */
package dev.millrace.engine.step;
