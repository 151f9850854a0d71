package dev.millrace.cuda;

import dev.millrace.engine.compute.StepLimits;

/**
 * Where logit tasks and their answers lie, on host and device alike: records and edits go to the
 * device; draws write tokens to both and log-probabilities to the host, the most likely tokens are
 * copied back. {@code sample.cu} defines the records.
 *
 * @param tasksMax tasks of one launch
 * @param editsMax edits of all of them
 * @param topsMax most likely tokens of all of them
 */
record TaskLayout(int tasksMax, int editsMax, int topsMax) {
  static final int TASK_BYTES = 64;
  static final int EDIT_BYTES = 16;

  /** A launch of fewer tasks follows where these are short. */
  private static final int EDITS = 1 << 20;

  private static final int TOPS = 1 << 17;

  static TaskLayout of(StepLimits limits) {
    return new TaskLayout(Math.max(limits.logitRowsMax(), limits.sequencesMax()), EDITS, TOPS);
  }

  int tasks() {
    return 0;
  }

  int edits() {
    return align(TASK_BYTES * tasksMax);
  }

  /** First byte that comes back. */
  int answers() {
    return edits() + align(EDIT_BYTES * editsMax);
  }

  int tokens() {
    return answers();
  }

  int logprobs() {
    return tokens() + align(4 * tasksMax);
  }

  int topTokens() {
    return logprobs() + align(4 * tasksMax);
  }

  int topLogprobs() {
    return topTokens() + align(4 * topsMax);
  }

  int bytes() {
    return topLogprobs() + align(4 * topsMax);
  }

  private static int align(int bytes) {
    return Math.toIntExact(StepLayout.divideUp(bytes, 256) * 256);
  }
}
