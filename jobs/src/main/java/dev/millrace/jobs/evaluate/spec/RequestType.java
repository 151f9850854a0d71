package dev.millrace.jobs.evaluate.spec;

import java.util.Locale;

/** What a task asks of the model. */
public enum RequestType {
  /** Text after the prompt. */
  GENERATE,
  /** Log-likelihoods of given choices after the prompt. */
  MULTIPLE_CHOICE,
  /** Log-likelihood of the whole text, in windows. */
  PERPLEXITY;

  /** As specs and results write it. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
