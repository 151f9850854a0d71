package dev.millrace.engine.compute;

/** What rank-local memory is taken for: the lines of a memory plan. */
public enum MemoryPurpose {
  WEIGHTS("weights"),
  KV_CACHE("kv-cache"),
  /** Everything a step writes between embedding and logits, rotary tables included. */
  ACTIVATIONS("activations"),
  LOGITS("logits"),
  /** A backend's own working memory. */
  SCRATCH("scratch"),
  /**
   * What a device's driver holds beside: its context, kernels, recordings. Planned from experience
   * and measured, where all else is taken to the byte.
   */
  DRIVER("driver");

  private final String label;

  MemoryPurpose(String label) {
    this.label = label;
  }

  /** Name in plans and reports. */
  public String label() {
    return label;
  }
}
