/**
 * What surrounds an evaluation that runs by itself: which night it is, that only one runs, that a
 * killed one goes on, when it must end, who hears of the verdict, how long it is kept.
 */
package dev.millrace.jobs.evaluate.night;
