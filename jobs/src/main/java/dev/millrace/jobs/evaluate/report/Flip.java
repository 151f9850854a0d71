package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.SampleResult;

/**
 * A row worth looking at.
 *
 * @param row its place in the data, from 0
 * @param kind why
 * @param before the row's value in the accepted night, or null
 * @param after its value tonight, or null
 * @param tonight what was asked and answered, its long texts shortened
 * @param accepted the same of the accepted night, or null
 */
record Flip(
    long row, Kind kind, Double before, Double after, SampleResult tonight, SampleResult accepted) {

  /** Why a row is shown. */
  enum Kind {
    /** Its value fell against the accepted night. */
    WORSE("worse"),
    /** Its value rose. */
    BETTER("better"),
    /** It has no answer tonight. */
    FAILED("failed"),
    /** It is wrong; shown only if there is no accepted night to compare with. */
    WRONG("wrong");

    private final String word;

    Kind(String word) {
      this.word = word;
    }

    String word() {
      return word;
    }
  }
}
